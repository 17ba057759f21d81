import type { Logger } from 'pino';
import { seatMachine } from '../../machines/seat.ts';
import type { Delivery, EventBus } from '../events/event-bus.ts';
import type { ServiceWatcher } from '../inspect/inspected-service.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import { errorOf } from '../process/error-facts.ts';
import type { Heartbeat as HeartbeatMessage, SeatEvent } from '../protocol/events.ts';
import { isForeign } from '../protocol/origin.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { HoldSettings, Position } from '../protocol/venue.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import {
  type Answer,
  type History,
  maxCommandsPerCall,
  maxSeatsPerCall,
  type OrderCommand,
  type SeatCommand,
  type SeatStore,
  StoreUnavailableError,
  type UserCommand,
  VenueLostError,
  type VenueSnapshot,
} from '../store/seat-store.ts';
import { RecentEvents } from '../venue/recent-events.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import { Batcher } from './batcher.ts';
import { Heartbeat } from './heartbeat.ts';
import { Relay } from './relay.ts';
import { SeatActors } from './seat-actors.ts';
import { SharedCall } from './shared-call.ts';
import { holdSettings } from './venue-settings.ts';

const eventsPerRead = 1_024;
const seatsPerAudit = 256;
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
  /** Sent with each heartbeat, so that edges know the settings of the running processes. */
  venue?: { name: string } & HoldRules;
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
  readonly #heartbeat: Heartbeat;
  readonly #settings: Pick<HeartbeatMessage, 'venue' | keyof HoldSettings>;
  #opening: Promise<void> | undefined;
  /** The id of the store's installation; undefined until the venue is open. */
  #system: string | undefined;
  /** Why the store takes no writes; undefined while it does. */
  #unwritable: Error | undefined;
  #isOpen = false;
  /** The seats that this round of the audit has not compared yet. */
  #unaudited: Iterator<Seat> | undefined;
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
      venue,
    } = options;
    this.#settings = venue ? { venue: venue.name, ...holdSettings(venue) } : {};
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
    this.#onDecision = onDecision;
    this.#maxWaitingPerSeat = maxWaitingPerSeat;
    this.#clock = clock;
    this.storeClock = new StoreClock(clock);
    this.#relay = new Relay({ store, bus, logger });
    this.#heartbeat = new Heartbeat({ clock, logger, check: () => this.#checkStore() });
    this.seatActors = new SeatActors({
      machine: this.#machine(),
      storeClock: this.storeClock,
      clock,
      startsAll: startsAllActors,
    });
    this.view = new VenueView((event, seat, committedHere) => {
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

  /** True once the seats have been read from the store, even if they are stale by now. */
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
    return this.#command(command);
  }

  /** As `command`, for checkout: the limits of users do not apply. */
  commandOfOrder(command: OrderCommand): Promise<Answer> {
    return this.#command(command);
  }

  #command(command: UserCommand | OrderCommand): Promise<Answer> {
    const decided = () => this.#reopenIfLost(() => this.#enqueue(command));
    return this.#isOpen ? decided() : this.confirm().then(decided);
  }

  /** True while a command on the seat waits for its decision. */
  isAskedFor(seatId: string): boolean {
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
    return this.#unwritable ? Promise.reject(this.#unwritable) : this.#catchingUp.request();
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

  /** Provides the machine's actions: the actor publishes its transition, and the end of a hold is a command like any other. */
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
    this.#enqueue({ action: 'expire', seatIds: [seatId] })
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
    if (intended === 'stored') this.#relay.published(event);
    if (this.view.apply(event) === 'foreign' && this.#isOpen) this.#heartbeat.beat();
  }

  /** Reads new events from the store and publishes the newest position. */
  async #checkStore(): Promise<void> {
    await Promise.all([this.#checkWritable(), this.#catchingUp.request()]);
    const { epoch, seq } = this.view;
    const server_time = Math.round(this.storeClock.nowMs()) / 1000;
    const system = this.#system;
    this.#bus.publishHeartbeat({ ...(system !== undefined && { system }), ...this.#settings, epoch, seq, server_time });
    await this.#relay.repair({ epoch, seq });
    await this.#auditNext();
  }

  /** Compares the next seats with the store on each call: finds lost or outdated parts before a command needs them. */
  async #auditNext(): Promise<void> {
    this.#unaudited ??= this.view.seats[Symbol.iterator]();
    const seats: Seat[] = [];
    while (seats.length < seatsPerAudit) {
      const { value, done } = this.#unaudited.next();
      if (done) {
        this.#unaudited = undefined;
        break;
      }
      seats.push(value);
    }
    await this.#reopenIfLost(() => this.#store.audit(seats, this.view.position));
  }

  /** A read-only store is not ready: it sells nothing, and may be a replica whose primary has moved. */
  async #checkWritable(): Promise<void> {
    try {
      await this.#store.checkWritable();
      this.#unwritable = undefined;
    } catch (error) {
      // A failure before the opening says nothing about the store as it was opened: there was no connection yet.
      if (this.#isOpen) this.#unwritable = errorOf(error);
      throw error;
    }
  }

  async #catchUp(): Promise<void> {
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
    const holders = new Map(
      seats.map(({ id, status, held_by }) => [id, status === SeatStatus.booked ? held_by : undefined]),
    );
    const lost = [...this.view.seats].filter(
      ({ id, status, held_by }) => status === SeatStatus.booked && held_by !== undefined && holders.get(id) !== held_by,
    );
    if (lost.length === 0) return;
    const first = lost.slice(0, namedSeats).map(({ id }) => id);
    this.#logger.error({ seats: lost.length, first }, 'Redis has lost bookings: its data is older than they are');
  }

  /** Reads the venue from the store and replaces every actor. All waiting callers share one opening. */
  #reopen(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
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
    this.seatActors.hydrate(this.view.seats);
    this.#isOpen = true;
    this.#logger.info({ epoch: snapshot.epoch, seq: snapshot.seq, seats: snapshot.seats.length }, 'The venue is open');
  }
}

/** The number of waiting commands, in order, that fit into one call of the store. */
function fittingCommands(commands: readonly SeatCommand[]): number {
  const seatIds = new Set<string>();
  const end = commands.findIndex((command, index) => {
    for (const id of command.seatIds) seatIds.add(id);
    return index === maxCommandsPerCall || seatIds.size > maxSeatsPerCall;
  });
  return end < 0 ? commands.length : end;
}

/** Too many commands wait for a seat. */
export class BusyError extends Error {
  override name = 'BusyError';
}
