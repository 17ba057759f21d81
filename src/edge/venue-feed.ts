import type { Logger } from 'pino';
import type { EventBus } from '../events/event-bus.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import { isForeign, type Origin } from '../protocol/origin.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position, VenueState } from '../protocol/venue.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import type { Booking } from './booking-client.ts';
import { OncePerName } from './once-per-name.ts';
import { ViewLag } from './view-lag.ts';

/** An event that comes a little early is waited for rather than asked for. */
const reorderWaitMs = 20;
const retryDelayMs = 250;
const pollIntervalMs = 500;
/** Polling starts in time for an answer before the venue would count as stale. */
const heartbeatSilenceMs = 2000;
const staleAfterMs = 3000;
/** A view that lacks an event for longer is stale, however many events arrive. */
const maxLagMs = 2000;
/** A change to stale costs every client the whole venue. */
const minFreshMs = 1000;
/** So far behind, the whole venue is cheaper than the events, unless it has more seats. */
const maxEventsPerCatchUp = 4096;

export interface VenueFeedListener {
  /** In the order of `seq`, each once. */
  onUpdate(event: SeatEvent, seat: Seat): void;
  /** The venue is another than the updates told: start from `header()` and `seats`. */
  onReset(): void;
  onStale(stale: boolean): void;
  onCatchUp?(kind: 'events' | 'venue'): void;
}

interface VenueFeedOptions {
  bus: EventBus;
  booking: Pick<Booking, 'venue' | 'eventsAfter'>;
  logger: Logger;
  clock?: Clock;
}

/**
 * Keeps a view of the venue true: events from the bus as they come, and whatever they leave open from the booking
 * service. Everything that might be wrong leads to the same thing, one catch-up at a time.
 */
export class VenueFeed {
  readonly #bus: EventBus;
  readonly #booking: Pick<Booking, 'venue' | 'eventsAfter'>;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #storeClock: StoreClock;
  readonly #view = new VenueView((event, seat) => this.#listener?.onUpdate(event, seat));
  #listener: VenueFeedListener | undefined;
  #layout: Omit<VenueState, 'seats' | 'stale' | 'server_time' | keyof Position> | undefined;
  #becomeReady!: () => void;
  #ready: Promise<void> = new Promise((resolve) => {
    this.#becomeReady = resolve;
  });
  #stale = false;
  #freshSinceMs = Number.NEGATIVE_INFINITY;
  /** True from a venue that Redis did not confirm until the next news from Redis. */
  #isUnconfirmed = false;
  readonly #lag = new ViewLag();
  readonly #foreignEpochs: OncePerName;
  readonly #foreignOrigins: OncePerName;
  #newsAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs = Number.NEGATIVE_INFINITY;
  #reorderTimer: unknown;
  #pollTimer: unknown;
  #catchUpWanted = false;
  #catchingUp = false;
  #failing = false;
  #closed = false;

  constructor({ bus, booking, logger, clock = hostClock }: VenueFeedOptions) {
    this.#clock = clock;
    this.#storeClock = new StoreClock(clock);
    this.#bus = bus;
    this.#booking = booking;
    this.#logger = logger;
    this.#foreignEpochs = new OncePerName(clock);
    this.#foreignOrigins = new OncePerName(clock);
  }

  /** Returns at once; the venue is there when `ready` resolves. */
  start(listener: VenueFeedListener): void {
    this.#listener = listener;
    // Before the venue is read, so that nothing falls in between.
    this.#bus.subscribe({
      onEvent: (event) => this.#guard(() => this.#onEvent(event)),
      onHeartbeat: (heartbeat) => this.#guard(() => this.#onHeartbeat(heartbeat)),
      onConnected: () => this.#guard(() => this.#catchUp()),
    });
    this.#pollLater();
    this.#catchUp();
  }

  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#pollTimer);
    this.#clock.clearTimeout(this.#reorderTimer);
  }

  get ready(): Promise<void> {
    return this.#ready;
  }

  isReady(): boolean {
    return this.#layout !== undefined;
  }

  /** True while there is no news from Redis, or events are missing: what is here is what was last known. */
  get stale(): boolean {
    return this.#stale;
  }

  get position(): Position {
    return this.#view.position;
  }

  /** Unix seconds on the clock of Redis. */
  serverTime(): number {
    return Math.round(this.#storeClock.nowMs()) / 1000;
  }

  /** The installation and the venue, as far as they are known. */
  get origin(): Origin {
    const { system, venue } = this.#layout ?? {};
    return { ...(system !== undefined && { system }), ...(venue !== undefined && { venue }) };
  }

  /** All of VENUE_STATE but the seats. */
  header(): Omit<VenueState, 'seats'> {
    if (!this.#layout) throw new Error('The venue has not been read yet');
    const header = { ...this.#layout, ...this.#view.position, server_time: this.serverTime() };
    return this.#stale ? { ...header, stale: true } : header;
  }

  /** In row-major order. */
  get seats(): Iterable<Seat> {
    return this.#view.seats;
  }

  /** An exception in a callback of the bus would end its reading for good. */
  #guard(action: () => void): void {
    if (this.#closed) return;
    try {
      action();
    } catch (error) {
      this.#logger.error({ err: error }, 'News of the venue could not be handled');
      this.#catchUp();
    }
  }

  #onEvent(event: SeatEvent): void {
    if (this.#isFromElsewhere(event)) return;
    const result = this.#view.apply(event);
    switch (result) {
      case 'applied':
      case 'repeated':
        this.#heard();
        break;
      case 'ahead':
        this.#lag.known(event.seq, this.#clock.nowMs());
        this.#expect(event.seq);
        break;
      case 'foreign':
        // Events of an epoch that has ended may follow for a while: the heartbeats tell which epoch is the current one.
        if (this.#foreignEpochs.isNew(event.epoch)) this.#catchUp();
        break;
      default:
        result satisfies never;
    }
  }

  #onHeartbeat(heartbeat: Heartbeat): void {
    if (this.#isFromElsewhere(heartbeat)) return;
    const { epoch, seq, server_time } = heartbeat;
    this.#heartbeatAtMs = this.#clock.nowMs();
    this.#adoptSettings(heartbeat);
    if (epoch !== this.#view.epoch) {
      if (this.#foreignEpochs.isDue(epoch)) this.#catchUp();
    } else {
      this.#storeClock.heard(server_time * 1000);
      if (seq > this.#view.seq) {
        this.#lag.known(seq, this.#clock.nowMs());
        this.#expect(seq);
      }
      this.#heard();
    }
  }

  /**
   * Another installation that shares the NATS server. The first message of each leads to one question, because our own
   * installation has another name after the loss of its data.
   */
  #isFromElsewhere(message: Origin): boolean {
    if (!isForeign(message, this.origin)) return false;
    if (this.#foreignOrigins.isNew(`${message.system}/${message.venue}`)) this.#catchUp();
    return true;
  }

  /** Booking processes may be restarted with other settings while this edge lives. */
  #adoptSettings({ hold_seconds, max_holds }: Heartbeat): void {
    if (!this.#layout) return;
    this.#layout = {
      ...this.#layout,
      ...(hold_seconds !== undefined && { hold_seconds }),
      ...(max_holds !== undefined && { max_holds }),
    };
  }

  /** Gives what is on its way a moment, then asks for it. */
  #expect(seq: number): void {
    this.#reorderTimer ??= this.#clock.setTimeout(() => {
      this.#reorderTimer = undefined;
      if (this.#view.seq < seq) this.#catchUp();
      else if (this.#view.hasGap) this.#expect(this.#view.seq + 1);
    }, reorderWaitMs);
  }

  #pollLater(): void {
    this.#pollTimer = this.#clock.setTimeout(() => {
      this.#guard(() => this.#poll());
      if (!this.#closed) this.#pollLater();
    }, pollIntervalMs);
  }

  #poll(): void {
    const nowMs = this.#clock.nowMs();
    if (!this.#bus.connected || nowMs - this.#heartbeatAtMs > heartbeatSilenceMs) this.#catchUp();
    this.#tellStale();
  }

  /** What comes while one is on its way leads to one more after it. */
  #catchUp(): void {
    this.#catchUpWanted = true;
    if (!this.#catchingUp) void this.#catchUpWhileWanted();
  }

  async #catchUpWhileWanted(): Promise<void> {
    this.#catchingUp = true;
    while (this.#catchUpWanted && !this.#closed) {
      this.#catchUpWanted = false;
      try {
        await this.#catchUpOnce();
        if (this.#failing) this.#logger.info('The booking service answers again');
        this.#failing = false;
        if (!this.#view.hasGap) continue;
      } catch (error) {
        if (!this.#failing) this.#logger.warn({ err: error }, 'Cannot catch up with the venue, trying again');
        this.#failing = true;
      }
      this.#catchUpWanted = true;
      await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, retryDelayMs));
    }
    this.#catchingUp = false;
  }

  async #catchUpOnce(): Promise<void> {
    if (!this.isReady() || !(await this.#readEvents())) await this.#readVenue();
  }

  /** Reads pages until the position is reached that the venue had at the first of them. False: the whole venue is needed, or cheaper. */
  async #readEvents(): Promise<boolean> {
    let goalSeq: number | undefined;
    do {
      const askedAtMs = this.#clock.nowMs();
      const from = this.#view.position;
      const { epoch, seq, server_time, events } = await this.#booking.eventsAfter(from);
      if (this.#closed) return true;
      if (!events || epoch !== this.#view.epoch) return false;
      const nowMs = this.#clock.nowMs();
      this.#storeClock.heard(server_time * 1000, nowMs - askedAtMs);
      this.#lag.known(seq, nowMs);
      if (seq - from.seq > this.#maxEventsPerCatchUp) return false;
      for (const event of events) this.#view.apply(event);
      if (events.length > 0) this.#listener?.onCatchUp?.('events');
      goalSeq ??= seq;
      this.#heard();
      if (this.#view.seq === from.seq && this.#view.seq < goalSeq) return false; // the page did not help
    } while (this.#view.seq < goalSeq);
    return true;
  }

  get #maxEventsPerCatchUp(): number {
    const { rows = 0, cols = 0 } = this.#layout ?? {};
    return Math.max(maxEventsPerCatchUp, rows * cols);
  }

  async #readVenue(): Promise<void> {
    const askedAtMs = this.#clock.nowMs();
    const state = await this.#booking.venue();
    if (this.#closed) return;
    const before = this.#view.position;
    const isUnconfirmed = state.stale === true;
    if (state.epoch !== before.epoch) {
      // Not confirmed by Redis, it may be an epoch that has ended: what is known already is no worse.
      if (isUnconfirmed && this.isReady()) {
        this.#isUnconfirmed = true;
        this.#foreignEpochs.clear(); // the question is still open
        this.#tellStale();
        return;
      }
      this.#storeClock.reset();
      this.#lag.clear();
      this.#foreignEpochs.clear(); // an epoch that was foreign before may be the next one
    }
    this.#storeClock.heard(state.server_time * 1000, this.#clock.nowMs() - askedAtMs);
    if (!this.#view.reset(state)) return; // a booking process that is itself behind
    const { system, venue, hold_seconds, max_holds, rows, cols } = state;
    this.#layout = { ...(system !== undefined && { system }), venue, hold_seconds, max_holds, rows, cols };
    this.#listener?.onCatchUp?.('venue');
    this.#isUnconfirmed = isUnconfirmed;
    if (!isUnconfirmed) this.#newsAtMs = this.#clock.nowMs();
    this.#lag.reached(this.#view.seq);
    const staleChanged = this.#updateStale();
    const { epoch, seq } = this.#view.position;
    if (epoch !== before.epoch || seq !== before.seq) this.#listener?.onReset();
    else if (staleChanged) this.#listener?.onStale(this.#stale);
    this.#becomeReady();
  }

  #heard(): void {
    this.#newsAtMs = this.#clock.nowMs();
    this.#isUnconfirmed = false;
    this.#lag.reached(this.#view.seq);
    this.#tellStale();
  }

  #tellStale(): void {
    if (this.#updateStale()) this.#listener?.onStale(this.#stale);
  }

  /** Returns whether that is a change. */
  #updateStale(): boolean {
    const nowMs = this.#clock.nowMs();
    const isBehind = this.#lag.lagMs(nowMs) > maxLagMs;
    const stale = this.isReady() && (this.#isUnconfirmed || isBehind || nowMs - this.#newsAtMs > staleAfterMs);
    if (stale === this.#stale || (stale && nowMs - this.#freshSinceMs < minFreshMs)) return false;
    this.#stale = stale;
    if (!stale) this.#freshSinceMs = nowMs;
    const why = isBehind ? 'Events are missing: the venue may be stale' : 'No news from Redis: the venue may be stale';
    this.#logger.warn({ stale }, stale ? why : 'News from Redis again');
    return true;
  }
}
