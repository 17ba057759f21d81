import type { Logger } from 'pino';
import { seatMachine } from '../../machines/seat.ts';
import type { Delivery, EventBus } from '../events/event-bus.ts';
import type { DecisionWatcher } from '../inspect/inspected-service.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import type { Heartbeat as HeartbeatMessage, SeatEvent } from '../protocol/events.ts';
import { isForeign } from '../protocol/origin.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import {
  type Answer,
  type History,
  maxCommandsPerCall,
  maxSeatsPerCall,
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

const eventsPerRead = 1_024;
const seatsPerAudit = 256;
/** At most this many seat ids are named in one log line. */
const namedSeats = 20;
/** Longer than load delays a timer, shorter than answers are kept: a retry at another process still finds its answer. */
const suspendedMs = 5_000;
/** Turns of the event loop. Under load more reads then share a call; without load they take microseconds. */
const turnsBeforeRead = 3;

export interface BookingServiceOptions {
  store: SeatStore;
  bus: EventBus;
  logger: Logger;
  /** How many commands may wait for one seat before the next is refused as BUSY. */
  maxWaitingPerSeat?: number;
  clock?: Clock;
  /** Sent with each heartbeat, so that edges know the settings of the running processes. */
  venue?: { name: string; holdTtlMs: number; maxHoldsPerUser: number };
  /** Called after each decision of the store: how many commands it took together, and how long it took. */
  onDecision?: (commands: number, durationMs: number) => void;
}

/**
 * One booking process's venue: the view that it answers reads from, an actor per seat, the relay of its events. Any
 * number of these work on one store; none owns a seat. docs/architecture.md draws the road of a command.
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
  /** One decision of the store is under way, and commands that arrive meanwhile go together into the next. */
  readonly #decisions: Batcher<SeatCommand, Answer>;
  /** By seat: how many commands wait for the next decision. */
  readonly #waitingCounts = new Map<string, number>();
  /** The seats whose expiry is being decided, or waits for a decision. */
  readonly #expiring = new Set<string>();
  readonly #catchingUp: SharedCall<void>;
  readonly #heartbeat: Heartbeat;
  readonly #settings: Pick<HeartbeatMessage, 'venue' | 'hold_seconds' | 'max_holds'>;
  #opening: Promise<void> | undefined;
  /** The id of the store's installation, once it is known. */
  #system: string | undefined;
  /** Why the store takes no writes; undefined while it does. */
  #unwritable: Error | undefined;
  #isOpen = false;
  /** Where the audit of the seats goes on. */
  #unaudited: Iterator<Seat> | undefined;
  #isClosed = false;

  /** Set while somebody watches. */
  watcher: DecisionWatcher | undefined;

  constructor(options: BookingServiceOptions) {
    const { store, bus, logger, maxWaitingPerSeat = 1_000, clock = hostClock, onDecision = () => {}, venue } = options;
    this.#settings = venue
      ? { venue: venue.name, hold_seconds: venue.holdTtlMs / 1000, max_holds: venue.maxHoldsPerUser }
      : {};
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
    this.#onDecision = onDecision;
    this.#maxWaitingPerSeat = maxWaitingPerSeat;
    this.#clock = clock;
    this.storeClock = new StoreClock(clock);
    this.#relay = new Relay({ store, bus, logger });
    this.#heartbeat = new Heartbeat({ clock, logger, check: () => this.#checkStore() });
    this.seatActors = new SeatActors({ machine: this.#machine(), storeClock: this.storeClock, clock });
    this.view = new VenueView((event, seat, committedHere) => {
      this.recent.add(event);
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
    this.#bus.subscribe({
      onEvent: (event, intended) => this.#receive(event, intended),
      onConnected: (connected) => {
        if (connected) this.#heartbeat.beat();
      },
    });
    this.#heartbeat.start();
  }

  /** True once the seats have been read from the store; they may be out of date since. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a command could be decided now. Never rejects. */
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

  /** How many committed events are not known to be published. */
  get unrelayedEvents(): number {
    return Math.max(0, this.view.seq - this.#relay.position.seq);
  }

  hasSeat(seatId: string): boolean {
    return this.view.seat(seatId) !== undefined;
  }

  /** Rejects as the store does, or with a `BusyError`. The venue must have the seats. */
  command(command: UserCommand): Promise<Answer> {
    return this.#reopenIfLost(() => this.#ask(command));
  }

  /** The commands on a seat that the store is deciding now. */
  commandsUnderWay(seatId: string): readonly SeatCommand[] | undefined {
    const commands = this.#decisions.underWay?.requests.filter(({ seatIds }) => seatIds.includes(seatId));
    return commands?.length ? commands : undefined;
  }

  /**
   * Resolves when the view shows every transition that was committed before this call: one read of the store, shared by
   * all callers that wait. Rejects as the store does, and while the store takes no writes; the view then shows the last
   * known state.
   */
  confirm(): Promise<void> {
    return this.#unwritable ? Promise.reject(this.#unwritable) : this.#catchingUp.ask();
  }

  /** At most `limit` events after a position, from the store's log. Rejects as the store does. */
  async eventsAfter(position: Position, limit = eventsPerRead): Promise<History> {
    await this.confirm();
    const { epoch, seq } = this.view;
    // A position of an epoch that has ended or never existed: no events lead on from it.
    if (position.epoch !== epoch || position.seq > seq) return { epoch, seq, nowMs: this.storeClock.nowMs() };
    return this.#store.eventsAfter(position, limit);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#heartbeat.stop();
    await this.#opening?.catch(() => {});
    this.seatActors.stop();
    await this.#bus.close(); // events that it publishes may still be on their way
    await this.#store.close();
  }

  /** The machine's actions: a transition is published by its actor, and a hold's end is one more command on the seat. */
  #machine(): typeof seatMachine {
    return seatMachine.provide({
      actions: {
        publish: ({ event }) => {
          if ('fact' in event && event.committedHere) this.#relay.publish(event.fact);
        },
        askToExpire: ({ context }) => this.#askToExpire(context.seat.id),
      },
    });
  }

  /** The machine asks again and again; while the store does not reply, that adds nothing to the first time. */
  #askToExpire(seatId: string): void {
    if (this.#expiring.has(seatId)) return;
    this.#expiring.add(seatId);
    this.#ask({ action: 'expire', seatIds: [seatId] })
      .catch(() => {})
      .finally(() => this.#expiring.delete(seatId));
  }

  async #ask(command: SeatCommand): Promise<Answer> {
    const { seatIds } = command;
    if (!seatIds.every((id) => this.hasSeat(id))) throw new StoreUnavailableError('The venue has not been read yet');
    const counts = this.#waitingCounts;
    if (seatIds.some((id) => (counts.get(id) ?? 0) >= this.#maxWaitingPerSeat)) {
      throw new BusyError('Too many commands wait for the seat');
    }
    for (const id of seatIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    return this.#decisions.ask(command);
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
    this.watcher?.asked(commands);
    try {
      const startedAtMs = this.#clock.nowMs();
      const seatSeq = (id: string) => this.view.seat(id)?.seq ?? 0;
      const known = { epoch: this.view.epoch, seq: this.view.seq, seatSeq };
      const { nowMs, events, answers } = await this.#store.decide(commands, known);
      const durationMs = this.#clock.nowMs() - startedAtMs;
      this.#onDecision(commands.length, durationMs);
      this.storeClock.heard(nowMs, durationMs);
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
    // Another process committed just before: its event is on its way, or lost. The heartbeat retries if this fails.
    if (isAhead) this.#catchingUp.ask().catch(() => {});
  }

  #receive(event: SeatEvent, intended: Delivery): void {
    if (this.#system !== undefined && isForeign(event, { system: this.#system })) return; // another system on the same NATS
    if (intended === 'stored') this.#relay.published(event);
    if (this.view.apply(event) === 'foreign' && this.#isOpen) this.#heartbeat.beat();
  }

  /** Reads new events from the store, and publishes the newest position. */
  async #checkStore(): Promise<void> {
    await Promise.all([this.#checkWritable(), this.#catchingUp.ask()]);
    const { epoch, seq } = this.view;
    const server_time = Math.round(this.storeClock.nowMs()) / 1000;
    const system = this.#system;
    this.#bus.publishHeartbeat({ ...(system !== undefined && { system }), ...this.#settings, epoch, seq, server_time });
    await this.#relay.repair({ epoch, seq });
    await this.#auditNext();
  }

  /** Compares some seats with the store, the next ones each time: finds lost or old parts before somebody needs them. */
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

  /** A store that can only be read sells nothing, and may be a replica whose primary has moved: it is not ready. */
  async #checkWritable(): Promise<void> {
    try {
      await this.#store.checkWritable();
      this.#unwritable = undefined;
    } catch (error) {
      this.#unwritable = error as Error;
      throw error;
    }
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const startedAtMs = this.#clock.nowMs();
      const history = await this.#store.eventsAfter(this.view.position, eventsPerRead);
      this.storeClock.heard(history.nowMs, this.#clock.nowMs() - startedAtMs);
      if (!history.events) throw new VenueLostError('The log does not reach back to what is known here');
      await this.#ownReplies(history.events);
      for (const event of history.events) this.view.apply(event);
      if (this.view.seq >= history.seq) return;
    }
  }

  /** Waits for own decisions on these seats: applied from the log first, their events would not be published by the actors. */
  async #ownReplies(events: readonly SeatEvent[]): Promise<void> {
    const { underWay } = this.#decisions;
    const seatIds = new Set(events.map(({ seat_id }) => seat_id));
    const isOwn = underWay?.requests.some((command) => command.seatIds.some((id) => seatIds.has(id)));
    if (isOwn) await Promise.allSettled([underWay?.settled]);
  }

  /** If the venue was lost, opens it again (or joins an opening that runs), and tries once more. */
  async #reopenIfLost<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof VenueLostError)) throw error;
      await this.#reopen();
      return ask();
    }
  }

  /** An older copy of Redis's data, or none of it, may lack bookings that this process has seen. */
  #logLostBookings({ seats }: VenueSnapshot): void {
    const holders = new Map(
      seats.map(({ id, status, held_by }) => [id, status === SeatStatus.booked ? held_by : undefined]),
    );
    const lost = [...this.view.seats].filter(
      ({ id, status, held_by }) => status === SeatStatus.booked && held_by !== undefined && holders.get(id) !== held_by,
    );
    if (lost.length === 0) return;
    const first = lost.slice(0, namedSeats).map(({ id }) => id);
    this.#logger.error(
      { seats: lost.length, first },
      'Redis has lost bookings: its data is older than what was booked',
    );
  }

  /** Reads the venue from the store and replaces every actor; all callers that wait share one opening. */
  #reopen(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const snapshot = await this.#store.open(this.#system);
    await this.#relay.reset(snapshot); // the last step that may fail: the rest is one synchronous change
    if (this.#isClosed) return;
    this.#system = snapshot.system;
    this.#logLostBookings(snapshot);
    if (snapshot.epoch !== this.view.epoch) this.storeClock.reset(); // another store, which may have another clock
    this.storeClock.heard(snapshot.nowMs);
    this.view.reset(snapshot);
    this.seatActors.hydrate(this.view.seats);
    this.#isOpen = true;
    this.#logger.info({ epoch: snapshot.epoch, seq: snapshot.seq, seats: snapshot.seats.length }, 'The venue is open');
  }
}

/** How many of the commands that wait, in order, one call of the store takes. */
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
