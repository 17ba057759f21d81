import type { Logger } from 'pino';
import type { EventBus } from '../events/event-bus.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import type { Heartbeat, SeatEvent } from '../protocol/events.ts';
import { isForeign, type Origin } from '../protocol/origin.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position, VenueState } from '../protocol/venue.ts';
import { StoreClock } from '../venue/store-clock.ts';
import { VenueView } from '../venue/venue-view.ts';
import type { BookingApi } from './booking-client.ts';
import { UnknownShowError } from './booking-errors.ts';
import { OncePerName } from './once-per-name.ts';
import { ViewLag } from './view-lag.ts';

/** Time for missing events to arrive before they are requested. */
const reorderWaitMs = 20;
const retryDelayMs = 250;
const pollIntervalMs = 500;
/** Polling starts early enough for a reply before the venue counts as stale. */
const heartbeatSilenceMs = 2000;
const staleAfterMs = 3000;
/** A view that lacks an event for longer is stale, however many events arrive. */
const maxLagMs = 2000;
/** Minimum time between two changes to stale: each sends the whole venue to every client. */
const minFreshMs = 1000;
/** Beyond this many events the whole venue is cheaper, unless it has more seats. */
const maxEventsPerCatchUp = 4096;

export interface VenueFeedListener {
  /** Called once per event, in order of `seq`. */
  onUpdate(event: SeatEvent, seat: Seat): void;
  /** The venue has changed other than by updates: restart from `header()` and `seats`. */
  onReset(): void;
  onStale(stale: boolean): void;
  onCatchUp?(kind: 'events' | 'venue'): void;
}

interface VenueFeedOptions {
  /** Id of the show. */
  show: string;
  bus: EventBus;
  booking: Pick<BookingApi, 'venue' | 'eventsAfter'>;
  logger: Logger;
  clock?: Clock;
}

/**
 * Keeps a view of a show current: applies the events from the bus, and requests missing ones from the booking service.
 * Every possible inconsistency triggers the same catch-up; only one runs at a time.
 */
export class VenueFeed {
  readonly #show: string;
  readonly #bus: EventBus;
  readonly #booking: Pick<BookingApi, 'venue' | 'eventsAfter'>;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #storeClock: StoreClock;
  readonly #view = new VenueView((event, seat) => this.#listener?.onUpdate(event, seat));
  #listener: VenueFeedListener | undefined;
  #layout: Omit<VenueState, 'seats' | 'stale' | 'server_time' | keyof Position> | undefined;
  #becomeReady!: () => void;
  #refuse!: (error: UnknownShowError) => void;
  #ready: Promise<void> = new Promise((resolve, reject) => {
    this.#becomeReady = resolve;
    this.#refuse = reject;
  });
  #stale = false;
  #freshSinceMs = Number.NEGATIVE_INFINITY;
  /** True after a venue that Redis did not confirm, until the next confirmed data. */
  #isUnconfirmed = false;
  readonly #lag = new ViewLag();
  readonly #foreignEpochs: OncePerName;
  readonly #foreignOrigins: OncePerName;
  #freshAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs = Number.NEGATIVE_INFINITY;
  #reorderTimer: unknown;
  #pollTimer: unknown;
  #catchUpWanted = false;
  #catchingUp = false;
  #failing = false;
  #closed = false;
  #unsubscribe = () => {};

  constructor({ show, bus, booking, logger, clock = hostClock }: VenueFeedOptions) {
    this.#show = show;
    this.#ready.catch(() => {});
    this.#clock = clock;
    this.#storeClock = new StoreClock(clock);
    this.#bus = bus;
    this.#booking = booking;
    this.#logger = logger;
    this.#foreignEpochs = new OncePerName(clock);
    this.#foreignOrigins = new OncePerName(clock);
  }

  /** Returns immediately; the venue is loaded when `ready` resolves. */
  start(listener: VenueFeedListener): void {
    this.#listener = listener;
    // Subscribe before the venue is read, so that no event is lost in between.
    this.#unsubscribe = this.#bus.subscribe({
      onEvent: (event) => this.#guard(() => this.#onEvent(event)),
      onHeartbeat: (heartbeat) => this.#guard(() => this.#onHeartbeat(heartbeat)),
      onConnected: () => this.#guard(() => this.#catchUp()),
    });
    this.#pollLater();
    this.#catchUp();
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#clock.clearTimeout(this.#pollTimer);
    this.#clock.clearTimeout(this.#reorderTimer);
  }

  /** Rejects with an `UnknownShowError` if there is no such show. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  isReady(): boolean {
    return this.#layout !== undefined;
  }

  /** True while no data arrives from Redis or events are missing: the view may be outdated. */
  get stale(): boolean {
    return this.#stale;
  }

  get position(): Position {
    return this.#view.position;
  }

  /** Unix seconds on the clock of Redis. */
  serverTime(): number {
    return this.#storeClock.serverTime();
  }

  /** The installation and the venue, as far as they are known. */
  get origin(): Origin {
    const { system, venue } = this.#layout ?? {};
    return { ...(system !== undefined && { system }), ...(venue !== undefined && { venue }) };
  }

  /** VENUE_STATE without the seats. */
  header(): Omit<VenueState, 'seats'> {
    if (!this.#layout) throw new Error('The venue has not been read yet');
    const header = { ...this.#layout, ...this.#view.position, server_time: this.serverTime() };
    return this.#stale ? { ...header, stale: true } : header;
  }

  /** In row-major order. */
  get seats(): Iterable<Seat> {
    return this.#view.seats;
  }

  /** An exception in a callback would end the subscription of the bus for good. */
  #guard(action: () => void): void {
    if (this.#closed) return;
    try {
      action();
    } catch (error) {
      this.#logger.error({ err: error }, 'A message about the venue could not be processed');
      this.#catchUp();
    }
  }

  #onEvent(event: SeatEvent): void {
    if (this.#isForeign(event)) return;
    const result = this.#view.apply(event);
    switch (result) {
      case 'applied':
      case 'repeated':
        this.#refresh();
        break;
      case 'ahead':
        this.#lag.known(event.seq, this.#clock.nowMs());
        this.#expect(event.seq);
        break;
      case 'other epoch':
        // Events of an ended epoch may still arrive for a while: only heartbeats show which epoch is current.
        if (this.#foreignEpochs.isNew(event.epoch)) this.#catchUp();
        break;
      default:
        result satisfies never;
    }
  }

  #onHeartbeat(heartbeat: Heartbeat): void {
    if (this.#isForeign(heartbeat)) return;
    const { epoch, seq, server_time } = heartbeat;
    this.#heartbeatAtMs = this.#clock.nowMs();
    this.#adoptSettings(heartbeat);
    if (epoch !== this.#view.epoch) {
      if (this.#foreignEpochs.isDue(epoch)) this.#catchUp();
    } else {
      this.#storeClock.synchronise(server_time * 1000);
      if (seq > this.#view.seq) {
        this.#lag.known(seq, this.#clock.nowMs());
        this.#expect(seq);
      }
      this.#refresh();
    }
  }

  /**
   * True for a message of another installation on the same NATS server. The first message of each triggers a catch-up, because
   * our own installation has a new id after it lost its data.
   */
  #isForeign(message: Origin): boolean {
    if (!isForeign(message, this.origin)) return false;
    if (this.#foreignOrigins.isNew(`${message.system}/${message.venue}`)) this.#catchUp();
    return true;
  }

  /** Booking processes may restart with other settings while this edge runs. */
  #adoptSettings({ hold_seconds, max_holds, hold_extensions }: Heartbeat): void {
    if (!this.#layout) return;
    this.#layout = {
      ...this.#layout,
      ...(hold_seconds !== undefined && { hold_seconds }),
      ...(max_holds !== undefined && { max_holds }),
      ...(hold_extensions !== undefined && { hold_extensions }),
    };
  }

  /** Waits briefly for events in flight, then requests them. */
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
    this.#reportStale();
  }

  /** Requests made during a catch-up trigger exactly one more. */
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
        if (this.#failing) this.#logger.info('The booking service is available again');
        this.#failing = false;
        if (!this.#view.hasGap) continue;
      } catch (error) {
        if (error instanceof UnknownShowError) this.#refuse(error);
        if (!this.#failing) this.#logger.warn({ err: error }, 'Cannot catch up with the venue, retrying');
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

  /** Reads pages up to the venue's position at the first of them. False if the whole venue is needed, or cheaper. */
  async #readEvents(): Promise<boolean> {
    let goalSeq: number | undefined;
    do {
      const requestedAtMs = this.#clock.nowMs();
      const from = this.#view.position;
      const { epoch, seq, server_time, events } = await this.#booking.eventsAfter(this.#show, from);
      if (this.#closed) return true;
      if (!events || epoch !== this.#view.epoch) return false;
      const nowMs = this.#clock.nowMs();
      this.#storeClock.synchronise(server_time * 1000, nowMs - requestedAtMs);
      this.#lag.known(seq, nowMs);
      if (seq - from.seq > this.#maxEventsPerCatchUp) return false;
      for (const event of events) this.#view.apply(event);
      if (events.length > 0) this.#listener?.onCatchUp?.('events');
      goalSeq ??= seq;
      this.#refresh();
      if (this.#view.seq === from.seq && this.#view.seq < goalSeq) return false; // the page did not help
    } while (this.#view.seq < goalSeq);
    return true;
  }

  get #maxEventsPerCatchUp(): number {
    const { rows = 0, cols = 0 } = this.#layout ?? {};
    return Math.max(maxEventsPerCatchUp, rows * cols);
  }

  async #readVenue(): Promise<void> {
    const requestedAtMs = this.#clock.nowMs();
    const state = await this.#booking.venue(this.#show);
    if (this.#closed) return;
    const before = this.#view.position;
    const isUnconfirmed = state.stale === true;
    if (state.epoch !== before.epoch) {
      // Not confirmed by Redis, it may be an epoch that has ended: the current view is no worse.
      if (isUnconfirmed && this.isReady()) {
        this.#isUnconfirmed = true;
        this.#foreignEpochs.clear(); // check it again
        this.#reportStale();
        return;
      }
      this.#storeClock.reset();
      this.#lag.clear();
      this.#foreignEpochs.clear(); // an epoch that was foreign before may be the next one
    }
    this.#storeClock.synchronise(state.server_time * 1000, this.#clock.nowMs() - requestedAtMs);
    if (!this.#view.reset(state)) return; // a booking process that is itself behind
    const { system, venue, hold_seconds, max_holds, hold_extensions = 0, rows, cols, plan } = state;
    const settings = { hold_seconds, max_holds, hold_extensions };
    this.#layout = {
      ...(system !== undefined && { system }),
      venue,
      ...settings,
      rows,
      cols,
      ...(plan !== undefined && { plan }),
    };
    this.#listener?.onCatchUp?.('venue');
    this.#isUnconfirmed = isUnconfirmed;
    if (!isUnconfirmed) this.#freshAtMs = this.#clock.nowMs();
    this.#lag.reached(this.#view.seq);
    const staleChanged = this.#updateStale();
    const { epoch, seq } = this.#view.position;
    if (epoch !== before.epoch || seq !== before.seq) this.#listener?.onReset();
    else if (staleChanged) this.#listener?.onStale(this.#stale);
    this.#becomeReady();
  }

  #refresh(): void {
    this.#freshAtMs = this.#clock.nowMs();
    this.#isUnconfirmed = false;
    this.#lag.reached(this.#view.seq);
    this.#reportStale();
  }

  #reportStale(): void {
    if (this.#updateStale()) this.#listener?.onStale(this.#stale);
  }

  /** True if the value has changed. */
  #updateStale(): boolean {
    const nowMs = this.#clock.nowMs();
    const isBehind = this.#lag.lagMs(nowMs) > maxLagMs;
    const stale = this.isReady() && (this.#isUnconfirmed || isBehind || nowMs - this.#freshAtMs > staleAfterMs);
    if (stale === this.#stale || (stale && nowMs - this.#freshSinceMs < minFreshMs)) return false;
    this.#stale = stale;
    if (!stale) this.#freshSinceMs = nowMs;
    const why = isBehind ? 'Events are missing: the venue may be stale' : 'No data from Redis: the venue may be stale';
    this.#logger.warn({ stale }, stale ? why : 'Data from Redis arrives again');
    return true;
  }
}
