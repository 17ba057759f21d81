import type { Logger } from 'pino';
import { type Clock, hostClock } from '../clock.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { UserAction } from '../protocol/commands.ts';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import { isForeign } from '../protocol/origin.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { StateLog } from '../state-log.ts';
import {
  type Answer,
  type Decision,
  type History,
  type RequestKey,
  type SeatCommand,
  type SeatStore,
  StoreUnavailableError,
  VenueLostError,
  type VenueSnapshot,
} from '../store/seat-store.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import { RecentEvents } from './recent-events.ts';
import { Relay } from './relay.ts';
import { SeatRegistry } from './seat-registry.ts';
import { SharedCall } from './shared-call.ts';

const heartbeatMs = 500;
const eventsPerRead = 1_024;
const seatsPerAudit = 256;
/** At most this many seat ids are named in one log line. */
const namedSeats = 20;
/** At the start: the connection to the store is made meanwhile. */
const unloggedFailures = 2;
/** Well above what any load does to a timer, and well below the time for which answers are kept. */
const frozenMs = 5_000;
/** Of the event loop: under load each brings more reads to share a question; without, they take microseconds. */
const turnsBeforeRead = 3;

export interface BookingServiceOptions {
  store: SeatStore;
  bus: EventBus;
  logger: Logger;
  /** How many commands may wait for one seat before the next is refused as BUSY. */
  maxWaitingPerSeat?: number;
  clock?: Clock;
  /** Sent with each heartbeat, so that edges know the settings of the processes that run. */
  venue?: { name: string; holdTtlMs: number; maxHoldsPerUser: number };
  /** Told of each decision of the store: how many commands it took together, and how long it took. */
  onDecision?: (commands: number, durationMs: number) => void;
}

/**
 * One booking process's venue: an actor per seat, the view that it answers reads from, the relay of its events. Any
 * number of these work on one store; none owns a seat.
 */
export class BookingService {
  readonly storeClock: StoreClock;
  readonly registry: SeatRegistry;
  readonly view: VenueView;
  readonly recent = new RecentEvents();
  readonly #relay: Relay;
  readonly #clock: Clock;
  readonly #store: SeatStore;
  readonly #bus: EventBus;
  readonly #logger: Logger;
  readonly #onDecision: (commands: number, durationMs: number) => void;
  readonly #confirming: SharedCall<void>;
  readonly #storeLog: StateLog;
  readonly #settings: Pick<Heartbeat, 'venue' | 'hold_seconds' | 'max_holds'>;
  #opening: Promise<void> | undefined;
  #beating: Promise<void> | undefined;
  /** The id of the store's installation, once it is known. */
  #system: string | undefined;
  /** Why the store takes no writes; undefined while it does. */
  #unwritable: Error | undefined;
  #isOpen = false;
  #auditedSeats = 0;
  #failedBeats = 0;
  #isClosed = false;
  #heartbeatTimer: unknown;
  #lastBeatAtMs = 0;

  constructor(options: BookingServiceOptions) {
    const { store, bus, logger, maxWaitingPerSeat = 1_000, clock = hostClock, onDecision = () => {}, venue } = options;
    this.#settings = venue
      ? { venue: venue.name, hold_seconds: venue.holdTtlMs / 1000, max_holds: venue.maxHoldsPerUser }
      : {};
    this.#store = store;
    this.#bus = bus;
    this.#logger = logger;
    this.#storeLog = new StateLog(logger);
    this.#onDecision = onDecision;
    this.#clock = clock;
    this.storeClock = new StoreClock(clock);
    this.#relay = new Relay({ store, bus, logger });
    this.registry = new SeatRegistry({
      storeClock: this.storeClock,
      maxWaiting: maxWaitingPerSeat,
      clock,
      decide: (seatId, commands) => this.#decide(seatId, commands),
      onCommitted: (events) => {
        for (const event of events) this.view.apply(event);
      },
      publish: (event) => this.#relay.publish(event),
    });
    this.view = new VenueView((event) => {
      this.recent.add(event);
      this.registry.desk(event.seat_id)?.follow(event);
    });
    this.#confirming = new SharedCall(
      () => this.#reopenWhereLost(() => this.#catchUp()),
      (work) => clock.endOfTurn(work, turnsBeforeRead),
    );
  }

  /** Opens the venue as soon as the store can be asked; until then commands are refused as STORE_UNAVAILABLE. */
  start(): void {
    this.#bus.subscribe({
      onEvent: (event) => this.#hear(event),
      onConnected: (connected) => {
        if (connected) void this.#beat();
      },
    });
    this.#keepBeating();
  }

  /** True once the seats have been read from the store; what they are may be out of date since. */
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

  /** Rejects as the store does, or with a `BusyError`. The seat must be one that the venue has. */
  command(action: UserAction, seatId: string, userId: string, request?: RequestKey): Promise<Answer> {
    const command = { action, userId, request };
    return this.#reopenWhereLost(() => this.#ask(seatId, command));
  }

  /**
   * Resolves when the view shows every transition that was committed before this was called: one read of the store,
   * shared by all callers that wait. Rejects as the store does, and while the store takes no writes; the view then shows
   * the last known state.
   */
  confirm(): Promise<void> {
    return this.#unwritable ? Promise.reject(this.#unwritable) : this.#confirming.ask();
  }

  /** What happened after a position, from the store's log, at most `limit` transitions. Rejects as the store does. */
  async eventsAfter(position: Position, limit = eventsPerRead): Promise<History> {
    await this.confirm();
    const { epoch, seq } = this.view;
    // Of a venue that is no more, or one that never was: there is nothing to go on from.
    if (position.epoch !== epoch || position.seq > seq) return { epoch, seq, nowMs: this.storeClock.nowMs() };
    return this.#store.eventsAfter(position, limit);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#heartbeatTimer);
    await this.#opening?.catch(() => {});
    this.registry.stop();
    await this.#bus.close(); // what it publishes may still be on its way
    await this.#store.close();
  }

  #ask(seatId: string, command: SeatCommand): Promise<Answer> {
    const desk = this.registry.desk(seatId);
    if (!desk) return Promise.reject(new StoreUnavailableError('The venue has not been read yet'));
    return desk.ask(command);
  }

  async #decide(seatId: string, commands: readonly SeatCommand[]): Promise<Decision> {
    const startedAtMs = this.#clock.nowMs();
    // Who asked has long given up, and asked elsewhere.
    if (startedAtMs - this.#lastBeatAtMs > frozenMs) throw new StoreUnavailableError('This process stood still');
    const seatSeq = this.view.seat(seatId)?.seq ?? 0;
    const decision = await this.#store.decide(seatId, commands, { ...this.view.position, seatSeq });
    const durationMs = this.#clock.nowMs() - startedAtMs;
    this.#onDecision(commands.length, durationMs);
    this.storeClock.heard(decision.nowMs, durationMs);
    return decision;
  }

  #hear(event: SeatEvent): void {
    if (this.#system !== undefined && isForeign(event, { system: this.#system })) return; // another system on the same NATS
    this.#relay.published(event);
    if (this.view.apply(event) === 'foreign' && this.#isOpen) void this.#beat();
  }

  #keepBeating(): void {
    this.#lastBeatAtMs = this.#clock.nowMs();
    void this.#beat();
    this.#heartbeatTimer = this.#clock.setTimeout(() => this.#keepBeating(), heartbeatMs);
  }

  /** Reads new events from the store, and publishes the newest position. Never rejects. */
  #beat(): Promise<void> {
    this.#beating ??= this.#heartbeatOnce()
      .then(
        () => {
          this.#failedBeats = unloggedFailures;
          this.#storeLog.recovered('The store is available again');
        },
        (error: Error) => {
          if (++this.#failedBeats <= unloggedFailures) return;
          this.#storeLog.warn('The store is unavailable: nothing can be sold', { error: error.message });
        },
      )
      .finally(() => {
        this.#beating = undefined;
      });
    return this.#beating;
  }

  async #heartbeatOnce(): Promise<void> {
    await Promise.all([this.#checkWritable(), this.#confirming.ask()]);
    const { epoch, seq } = this.view;
    const server_time = Math.round(this.storeClock.nowMs()) / 1000;
    const system = this.#system;
    this.#bus.publishHeartbeat({ ...(system !== undefined && { system }), ...this.#settings, epoch, seq, server_time });
    await this.#relay.repair({ epoch, seq });
    await this.#auditNext();
  }

  /** Compares some seats with the store, the next ones each time: a part that was lost or set back is noticed before it is asked for. */
  async #auditNext(): Promise<void> {
    const seats = [...this.view.seats];
    if (this.#auditedSeats >= seats.length) this.#auditedSeats = 0;
    const next = seats.slice(this.#auditedSeats, this.#auditedSeats + seatsPerAudit);
    this.#auditedSeats += next.length;
    await this.#reopenWhereLost(() => this.#store.audit(next, this.view.position));
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
      for (const event of history.events) this.view.apply(event);
      if (this.view.seq >= history.seq) return;
    }
  }

  /** Asks again after an opening, which may have begun before this was called. */
  async #reopenWhereLost<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
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

  /** Reads the venue from the store and starts every actor anew; whoever asks meanwhile waits for the same. */
  #reopen(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const snapshot = await this.#store.open(this.#system);
    await this.#relay.reset(snapshot); // the last that may fail: what follows is done as one
    if (this.#isClosed) return;
    this.#system = snapshot.system;
    this.#logLostBookings(snapshot);
    if (snapshot.epoch !== this.view.epoch) this.storeClock.reset(); // another store, which may have another clock
    this.storeClock.heard(snapshot.nowMs);
    this.view.reset(snapshot);
    this.registry.hydrate(this.view.seats);
    this.#isOpen = true;
    this.#logger.info({ epoch: snapshot.epoch, seq: snapshot.seq, seats: snapshot.seats.length }, 'The venue is open');
  }
}
