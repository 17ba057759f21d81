import type { Logger } from 'pino';
import { seatMachine } from '../../machines/seat.ts';
import type { Delivery, EventBus } from '../events/event-bus.ts';
import type { ServiceWatcher } from '../inspect/inspected-service.ts';
import type { BookedSeat } from '../ledger/seat-history.ts';
import { bookedSeats } from '../orders/order-seats.ts';
import { Batcher } from '../process/batcher.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import { isForeign } from '../protocol/origin.ts';
import type { HoldSettings, Position } from '../protocol/venue.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import {
  type Answer,
  BookingsUnknownError,
  type History,
  type OrderCommand,
  type SeatCommand,
  type SeatStore,
  ShowRefusedError,
  StoreUnavailableError,
  type UserCommand,
  VenueLostError,
  type VenueSnapshot,
} from '../store/seat-store.ts';
import { endWith, isSampled, tracing } from '../tracing/tracing.ts';
import { RecentEvents } from '../venue/recent-events.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import { AuditRound } from './audit-round.ts';
import { fittingCommands } from './fitting-commands.ts';
import { lostBookings } from './lost-bookings.ts';
import { Relay } from './relay.ts';
import { SeatActors } from './seat-actors.ts';
import { SharedCall } from './shared-call.ts';
import { StoreCheck } from './store-check.ts';
import { StoreHeartbeat } from './store-heartbeat.ts';
import { traceEvents } from './trace-events.ts';
import { holdSettings } from './venue-settings.ts';

const eventsPerRead = 1_024;
/** At most this many seat ids are named in one log line. */
const namedSeats = 20;
/** Longer than load delays a timer; shorter than replies are kept, so that a retry at another process still finds its reply. */
const suspendedMs = 5_000;
/** Turns of the event loop before a read: under load more reads share one call, without load the turns take microseconds. */
const turnsBeforeRead = 3;

export interface BookingServiceOptions {
  store: SeatStore;
  bus: EventBus;
  logger: Logger;
  /** Whether the actors of all seats run from the start, or each only from its first transition on. */
  startsAllActors?: boolean;
  /** How many commands may wait for one seat before the next is refused as BUSY. */
  maxWaitingPerSeat?: number;
  clock?: Clock;
  /** Number of shows that this process has opened: the idle ones share the cost of their checks. */
  openShows?: () => number;
  /** Sent with each heartbeat, so that edges know the settings of the running processes. */
  venue?: { name: string; rules: HoldRules };
  /** Called after each decision of the store with its number of commands and its duration. */
  onDecision?: (commands: number, durationMs: number) => void;
}

/**
 * A show in one booking process: the view that serves reads, an actor per seat, and the relay of its events. Any number
 * of processes share one store; none owns a seat. docs/architecture.md shows the path of a command.
 */
export class BookingService {
  readonly storeClock: StoreClock;
  readonly view: VenueView;
  readonly recent = new RecentEvents();
  readonly seatActors: SeatActors;
  readonly #relay: Relay;
  readonly #clock: Clock;
  readonly #store: SeatStore;
  readonly #bus: EventBus;
  readonly #logger: Logger;
  readonly #onDecision: (commands: number, durationMs: number) => void;
  readonly #maxWaitingPerSeat: number;
  /** At most one decision is under way. Commands that arrive meanwhile go into the next one together. */
  readonly #decisions: Batcher<SeatCommand, Answer>;
  /** Number of commands that wait for the next decision, by seat. */
  readonly #waitingCounts = new Map<string, number>();
  /** The seats of the commands that the store is deciding now, listed at most once for these commands: a search for the best seats looks up every seat. */
  #listed: { requests?: readonly SeatCommand[] | undefined; seatIds: ReadonlySet<string> } = { seatIds: new Set() };
  /** The seats whose expiry is being decided, or waits for a decision. */
  readonly #expiring = new Set<string>();
  readonly #catchingUp: SharedCall<void>;
  readonly #heartbeat: StoreHeartbeat;
  readonly #settings: Pick<Heartbeat, 'venue' | keyof HoldSettings>;
  #opening: Promise<void> | undefined;
  /** The id of the store's installation; undefined until the venue is open. */
  #system: string | undefined;
  /** Why the show must not be sold from here; undefined if it may, or if that is not known yet. */
  #refusal: ShowRefusedError | undefined;
  /** Why no new epoch may open now; undefined if one may. */
  #bookingsUnknown: BookingsUnknownError | undefined;
  #isOpen = false;
  readonly #check: StoreCheck;
  readonly #audit = new AuditRound();
  #isClosed = false;
  #unsubscribe = () => {};

  /** Set while the inspector has viewers. */
  watcher: ServiceWatcher | undefined;

  constructor(options: BookingServiceOptions) {
    const {
      store,
      bus,
      logger,
      startsAllActors = true,
      maxWaitingPerSeat = 1_000,
      clock = hostClock,
      onDecision = () => {},
      openShows = () => 1,
      venue,
    } = options;
    this.#settings = venue ? { venue: venue.name, ...holdSettings(venue.rules) } : {};
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
    this.#onDecision = onDecision;
    this.#maxWaitingPerSeat = maxWaitingPerSeat;
    this.#clock = clock;
    this.storeClock = new StoreClock(clock);
    this.#relay = new Relay({ store, bus, logger });
    this.#heartbeat = new StoreHeartbeat({ clock, logger, check: () => this.#checkStore() });
    this.seatActors = new SeatActors({
      machine: this.#machine(),
      storeClock: this.storeClock,
      clock,
      startsAll: startsAllActors,
    });
    this.view = new VenueView((event, seat, committedHere) => {
      this.#check.changed();
      this.recent.add(event);
      this.watcher?.changing(seat.id);
      this.seatActors.apply(event, seat, committedHere);
    });
    this.#decisions = new Batcher({
      call: (commands) => this.#decide(commands),
      begin: clock.endOfTurn,
      fits: fittingCommands,
    });
    this.#catchingUp = new SharedCall(
      () => this.#reopenIfLost(() => this.#catchUp()),
      (work) => clock.endOfTurn(work, turnsBeforeRead),
    );
    this.#check = new StoreCheck({
      store,
      clock,
      openShows,
      holdTtlMs: venue?.rules.holdTtlMs ?? 0,
      position: () => (this.#isOpen ? this.view.position : undefined),
      catchUp: () => this.#catchingUp.request(),
    });
  }

  /** Opens the venue as soon as the store is available; until then commands are refused as STORE_UNAVAILABLE. */
  start(): void {
    this.#unsubscribe = this.#bus.subscribe({
      onEvent: (event, intended) => this.#receive(event, intended),
      onConnected: (connected) => {
        if (connected) this.#heartbeat.beat();
      },
    });
    this.#heartbeat.start();
  }

  /** Why the store refuses to let this process sell the show: another process may. */
  get refusal(): ShowRefusedError | undefined {
    return this.#refusal;
  }

  /** Why nothing can be sold here, for operators: the show must not be opened, at all or now. */
  get whyClosed(): string | undefined {
    return (this.#refusal ?? this.#bookingsUnknown)?.reason;
  }

  /** True once the seats have been read from the store, even if they are stale by now. False while the show is refused. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True if a command can be decided now. Never rejects. */
  async isReady(): Promise<boolean> {
    const confirmed = await this.confirm().then(
      () => true,
      () => false,
    );
    return confirmed && this.#isOpen;
  }

  get system(): string | undefined {
    return this.#system;
  }

  /** Number of committed events that are not known to be published. */
  get unrelayedEvents(): number {
    return Math.max(0, this.view.seq - this.#relay.position.seq);
  }

  hasSeat(seatId: string): boolean {
    return this.view.seat(seatId) !== undefined;
  }

  /** Rejects with the errors of the store, or with a `BusyError`. The venue must have the seats. */
  command(command: UserCommand): Promise<Answer> {
    const isTraced = isSampled(command.trace); // decided by its request
    return isTraced ? this.#traced(command, (traced) => this.#command(traced)) : this.#command(command);
  }

  /** As `command`, for checkout: the limits of users do not apply. */
  commandOfOrder(command: OrderCommand): Promise<Answer> {
    return this.#traced(command, (traced) => this.#command(traced));
  }

  /** As the view shows them. */
  bookedSeats(): BookedSeat[] {
    return bookedSeats(this.view.epoch, this.view.seats);
  }

  #command(command: UserCommand | OrderCommand): Promise<Answer> {
    const decided = () => this.#reopenIfLost(() => this.#enqueue(command));
    return this.#isOpen ? decided() : this.confirm().then(decided);
  }

  #traced<Command extends SeatCommand>(
    command: Command,
    decide: (command: Command) => Promise<Answer>,
  ): Promise<Answer> {
    const { action, seatIds, trace } = command;
    const span = tracing?.span(`decide ${action}`, trace, {
      attributes: { 'booking.show': this.#settings.venue ?? '', 'booking.seats': seatIds.length },
    });
    if (!span) return decide(command);
    const answering = decide({ ...command, trace: span.spanContext() }).then((answer) => {
      span.setAttribute('booking.code', answer.refusal ?? 'OK');
      return answer;
    });
    return endWith(span, answering);
  }

  /** True while a command on the seat waits for its decision. */
  hasCommand(seatId: string): boolean {
    return this.#waitingCounts.has(seatId) || this.#underWaySeats.has(seatId);
  }

  get #underWaySeats(): ReadonlySet<string> {
    const requests = this.#decisions.underWay?.requests;
    if (requests !== this.#listed.requests) {
      this.#listed = { requests, seatIds: new Set(requests?.flatMap(({ seatIds }) => seatIds)) };
    }
    return this.#listed.seatIds;
  }

  /** The commands on a seat that the store is deciding now. */
  commandsUnderWay(seatId: string): readonly SeatCommand[] | undefined {
    const commands = this.#decisions.underWay?.requests.filter(({ seatIds }) => seatIds.includes(seatId));
    return commands?.length ? commands : undefined;
  }

  /**
   * Resolves when the view shows every transition that was committed before this call: one read of the store, shared by
   * all waiting callers. Rejects with the errors of the store, and while the store takes no writes; the view then shows
   * the last known state.
   */
  confirm(): Promise<void> {
    const failure = this.#refusal ?? this.#check.unwritable;
    return failure ? Promise.reject(failure) : this.#catchingUp.request();
  }

  /** Rejects unless the plan of this process is that of the show, as far as the store can be reached. */
  async requirePlan(): Promise<void> {
    await this.confirm().catch((error) => {
      if (!this.#isOpen) throw error;
    });
  }

  /** At most `limit` events after a position, from the store's log. Rejects with the errors of the store. */
  async eventsAfter(position: Position, limit = eventsPerRead): Promise<History> {
    await this.confirm();
    const { epoch, seq } = this.view;
    // The epoch has ended or never existed: no events follow this position.
    if (position.epoch !== epoch || position.seq > seq) return { epoch, seq, nowMs: this.storeClock.nowMs() };
    return this.#store.eventsAfter(position, limit);
  }

  /** Events that are in flight are sent when the connection to the bus is closed, which is not done here. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#heartbeat.stop();
    this.#unsubscribe();
    await this.#opening?.catch(() => {});
    this.seatActors.stop();
  }

  /** Provides the machine's actions: the actor publishes its transition, and ends a hold by a command like any other. */
  #machine(): typeof seatMachine {
    return seatMachine.provide({
      actions: {
        publish: ({ event }) => {
          if ('fact' in event && event.committedHere) this.#relay.publish(event.fact);
        },
        requestExpiry: ({ context }) => this.#requestExpiry(context.seat.id),
      },
    });
  }

  /** The machine retries; while the store does not reply, further requests would only pile up. */
  #requestExpiry(seatId: string): void {
    if (this.#expiring.has(seatId)) return;
    this.#expiring.add(seatId);
    this.#traced({ action: 'expire', seatIds: [seatId] }, (command) => this.#enqueue(command))
      .catch(() => {})
      .finally(() => this.#expiring.delete(seatId));
  }

  async #enqueue(command: SeatCommand): Promise<Answer> {
    const { seatIds } = command;
    if (!seatIds.every((id) => this.hasSeat(id))) throw new StoreUnavailableError('The venue is not loaded yet');
    const counts = this.#waitingCounts;
    if (seatIds.some((id) => (counts.get(id) ?? 0) >= this.#maxWaitingPerSeat)) {
      throw new BusyError('Too many commands wait for the seat');
    }
    for (const id of seatIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    return this.#decisions.request(command);
  }

  async #decide(commands: readonly SeatCommand[]): Promise<Answer[]> {
    for (const id of commands.flatMap(({ seatIds }) => seatIds)) {
      const count = (this.#waitingCounts.get(id) ?? 0) - 1;
      if (count > 0) this.#waitingCounts.set(id, count);
      else this.#waitingCounts.delete(id);
    }
    // After a suspension: the clients have timed out and retried at another process.
    if (this.#heartbeat.sinceTickMs > suspendedMs) throw new StoreUnavailableError('This process was suspended');
    let hasDecided = false;
    this.watcher?.requested(commands);
    try {
      const startedAtMs = this.#clock.nowMs();
      const seatSeq = (id: string) => this.view.seat(id)?.seq ?? 0;
      const known = { epoch: this.view.epoch, seq: this.view.seq, seatSeq };
      const { nowMs, events, answers } = await this.#store.decide(commands, known);
      const durationMs = this.#clock.nowMs() - startedAtMs;
      this.#onDecision(commands.length, durationMs);
      this.storeClock.synchronise(nowMs, durationMs);
      if (tracing) traceEvents(events, commands);
      this.#applyCommitted(events);
      for (const [i, { action }] of commands.entries()) {
        if (action === 'expire') for (const seat of answers[i]?.seats ?? []) this.seatActors.stillHeld(seat, nowMs);
      }
      hasDecided = true;
      return answers;
    } finally {
      this.watcher?.replied(commands, hasDecided);
    }
  }

  #applyCommitted(events: readonly SeatEvent[]): void {
    let isAhead = false;
    for (const event of events) isAhead = this.view.apply(event, true) === 'ahead' || isAhead;
    // Another process committed just before; its event is in flight or lost. The heartbeat retries if this fails.
    if (isAhead) this.#catchingUp.request().catch(() => {});
  }

  #receive(event: SeatEvent, intended: Delivery): void {
    if (this.#system !== undefined && isForeign(event, { system: this.#system })) return; // another system on the same NATS
    if (intended === 'stored') this.#relay.storedElsewhere(event);
    if (this.view.apply(event) === 'other epoch' && this.#isOpen) this.#heartbeat.beat();
  }

  /** Reads new events from the store and publishes the newest position. */
  async #checkStore(): Promise<void> {
    if (this.#refusal && !this.#check.nextRefused()) return;
    const { isAuditDue } = await this.#check.run();
    const { epoch, seq } = this.view;
    const server_time = this.storeClock.serverTime();
    const system = this.#system;
    this.#bus.publishHeartbeat({ ...(system !== undefined && { system }), ...this.#settings, epoch, seq, server_time });
    await this.#relay.repair({ epoch, seq });
    if (!isAuditDue) return;
    const seats = this.#audit.next(this.view.seats);
    await this.#reopenIfLost(() => this.#store.audit(seats, this.view.position));
  }

  async #catchUp(): Promise<void> {
    if (!this.#isOpen) throw new VenueLostError('The venue has not been opened');
    for (;;) {
      const startedAtMs = this.#clock.nowMs();
      const history = await this.#store.eventsAfter(this.view.position, eventsPerRead);
      this.storeClock.synchronise(history.nowMs, this.#clock.nowMs() - startedAtMs);
      if (!history.events) throw new VenueLostError('The log does not reach back to the position of the view');
      await this.#ownReplies(history.events);
      for (const event of history.events) this.view.apply(event);
      if (this.view.seq >= history.seq) return;
    }
  }

  /** Waits for own decisions on these seats: the actors do not publish events that were applied from the log first. */
  async #ownReplies(events: readonly SeatEvent[]): Promise<void> {
    const { underWay } = this.#decisions;
    const seatIds = new Set(events.map(({ seat_id }) => seat_id));
    const isOwn = underWay?.requests.some((command) => command.seatIds.some((id) => seatIds.has(id)));
    if (isOwn) await Promise.allSettled([underWay?.settled]);
  }

  /** If the venue was lost, opens it again (or joins the current opening) and retries once. */
  async #reopenIfLost<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof VenueLostError)) throw error;
      await this.#reopen();
      return call();
    }
  }

  /** After a restart with an older copy of its data, Redis may lack bookings that this process has seen. */
  #logLostBookings({ seats }: VenueSnapshot): void {
    const lost = lostBookings(this.view.seats, seats);
    if (lost.length === 0) return;
    const first = lost.slice(0, namedSeats).map(({ id }) => id);
    this.#logger.error({ seats: lost.length, first }, 'Redis has lost bookings: its data is older than they are');
  }

  /** Reads the venue from the store and replaces every actor. All waiting callers share one opening. */
  #reopen(): Promise<void> {
    this.#opening ??= this.#open()
      .catch((error) => {
        if (error instanceof ShowRefusedError) this.#refuse(error);
        if (error instanceof BookingsUnknownError) this.#bookingsUnknown = error;
        throw error;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  /** Replies with the last known state would keep clients from the process that sells the show. */
  #refuse(refusal: ShowRefusedError): void {
    if (this.#refusal?.message !== refusal.message) this.#logger.error(refusal.message);
    this.#refusal = refusal;
    this.#isOpen = false;
    this.seatActors.stop();
  }

  async #open(): Promise<void> {
    const snapshot = await this.#store.open(this.#system);
    await this.#relay.reset(snapshot); // the last step that can fail: the rest is one synchronous change
    if (this.#isClosed) return;
    this.#system = snapshot.system;
    this.#logLostBookings(snapshot);
    if (snapshot.epoch !== this.view.epoch) this.storeClock.reset(); // possibly another store with another clock
    this.storeClock.synchronise(snapshot.nowMs);
    this.view.reset(snapshot);
    this.#check.changed();
    this.seatActors.hydrate(this.view.seats);
    this.#isOpen = true;
    this.#refusal = undefined;
    this.#bookingsUnknown = undefined;
    this.#logger.info({ epoch: snapshot.epoch, seq: snapshot.seq, seats: snapshot.seats.length }, 'The venue is open');
  }
}

/** Too many commands wait for a seat. */
export class BusyError extends Error {
  override name = 'BusyError';
}
