import type { Logger } from 'pino';
import { type Clock, hostClock } from '../clock.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { EventsAfter, Heartbeat, SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position, VenueState } from '../protocol/venue.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import type { Booking } from './booking-client.ts';

/** An event that comes a little early is waited for rather than asked for. */
const reorderWaitMs = 20;
const retryDelayMs = 250;
const pollIntervalMs = 500;
/** Polling starts in time for an answer before the venue would count as stale. */
const heartbeatSilenceMs = 2000;
const staleAfterMs = 3000;

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
  #layout: Pick<VenueState, 'venue' | 'hold_seconds' | 'max_holds' | 'rows' | 'cols'> | undefined;
  #becomeReady!: () => void;
  #ready: Promise<void> = new Promise((resolve) => {
    this.#becomeReady = resolve;
  });
  #stale = false;
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

  /** True while there is no news from Redis: what is here is what was last known. */
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
    const result = this.#view.apply(event);
    switch (result) {
      case 'applied':
      case 'repeated':
        this.#heard();
        break;
      case 'ahead':
        this.#expect(event.seq);
        break;
      case 'foreign':
        this.#catchUp();
        break;
      default:
        result satisfies never;
    }
  }

  #onHeartbeat({ epoch, seq, server_time }: Heartbeat): void {
    this.#heartbeatAtMs = this.#clock.nowMs();
    if (epoch !== this.#view.epoch) {
      this.#catchUp();
    } else {
      this.#storeClock.heard(server_time * 1000);
      this.#heard();
      if (seq > this.#view.seq) this.#expect(seq);
    }
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
    if (nowMs - this.#newsAtMs > staleAfterMs && this.isReady()) this.#tellStale(true);
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
    const told = this.isReady() ? await this.#booking.eventsAfter(this.#view.position) : undefined;
    if (this.#closed) return;
    if (told?.events && told.epoch === this.#view.epoch) this.#applyAll(told, told.events);
    else await this.#readVenue();
  }

  #applyAll({ server_time }: EventsAfter, events: readonly SeatEvent[]): void {
    this.#storeClock.heard(server_time * 1000);
    for (const event of events) this.#view.apply(event);
    if (events.length > 0) this.#listener?.onCatchUp?.('events');
    this.#heard();
  }

  async #readVenue(): Promise<void> {
    const venue = await this.#booking.venue();
    if (this.#closed) return;
    const before = this.#view.position;
    if (venue.epoch !== before.epoch) {
      // Not confirmed by Redis, it may be an epoch that has ended: what is known already is no worse.
      if (venue.stale && this.isReady()) return this.#tellStale(true);
      this.#storeClock.reset();
    }
    this.#storeClock.heard(venue.server_time * 1000);
    if (!this.#view.reset(venue)) return; // a booking process that is itself behind
    const { venue: name, hold_seconds, max_holds, rows, cols } = venue;
    this.#layout = { venue: name, hold_seconds, max_holds, rows, cols };
    this.#listener?.onCatchUp?.('venue');
    if (!venue.stale) this.#newsAtMs = this.#clock.nowMs();
    const staleChanged = this.#becomes(venue.stale === true);
    const { epoch, seq } = this.#view.position;
    if (epoch !== before.epoch || seq !== before.seq) this.#listener?.onReset();
    else if (staleChanged) this.#listener?.onStale(this.#stale);
    this.#becomeReady();
  }

  #heard(): void {
    this.#newsAtMs = this.#clock.nowMs();
    this.#tellStale(false);
  }

  #tellStale(stale: boolean): void {
    if (this.#becomes(stale)) this.#listener?.onStale(stale);
  }

  /** Returns whether that is a change. */
  #becomes(stale: boolean): boolean {
    if (stale === this.#stale) return false;
    this.#stale = stale;
    this.#logger.warn({ stale }, stale ? 'No news from Redis: the venue may be stale' : 'News from Redis again');
    return true;
  }
}
