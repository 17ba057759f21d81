import { Registry } from 'prom-client';
import { isSameSeat } from '../../bench/audit/seat-rules.ts';
import { edgeMetrics } from '../../src/edge/metrics.ts';
import { PacedSeats } from '../../src/edge/paced-seats.ts';
import { VenueFeed, type VenueFeedListener } from '../../src/edge/venue-feed.ts';
import type { EventBus } from '../../src/events/event-bus.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { CompactPage } from '../support/compact-page.ts';
import { Host } from './host.ts';
import type { SeatLedger } from './seat-ledger.ts';
import { type BookingProcess, SimulatedBookingClient, silentLogger } from './simulated-booking.ts';
import type { BusConnection, BusServer } from './simulated-bus.ts';
import type { SimulatedHttp } from './simulated-http.ts';
import type { World } from './world.ts';

/** The part of the feed that an edge needs, so that a control can replace it. */
export type Feed = Pick<VenueFeed, 'start' | 'close' | 'isReady' | 'position' | 'seats'>;
export type CreateFeed = (options: ConstructorParameters<typeof VenueFeed>[0] & { bus: EventBus }) => Feed;

/** An edge: the real feed, a listener that knows only what it receives, and pages that get paced states (seat-booking.v2). */
export class EdgeProcess implements VenueFeedListener {
  readonly host: Host;
  readonly bus: BusConnection;
  readonly feed: Feed;
  readonly #world: World;
  readonly #ledger: SeatLedger;
  /** The view from received events: it must equal that of the feed. */
  readonly #seats = new Map<string, Seat>();
  #told: Position = { epoch: '', seq: 0 };
  #skippedTo: number | undefined;
  readonly #stream: PacedSeats;
  /** They outlive the edge, and resume at the next one. */
  readonly #pages: readonly CompactPage[];

  constructor(options: {
    world: World;
    name: string;
    bus: BusServer;
    http: SimulatedHttp;
    ledger: SeatLedger;
    processes: () => readonly BookingProcess[];
    pageEvents: number;
    pages: readonly CompactPage[];
    createFeed?: CreateFeed;
  }) {
    const {
      world,
      name,
      bus,
      http,
      ledger,
      processes,
      pageEvents,
      pages,
      createFeed = (feed) => new VenueFeed(feed),
    } = options;
    this.#world = world;
    this.#ledger = ledger;
    this.host = new Host(world, name);
    this.bus = bus.connect(this.host);
    const booking = new SimulatedBookingClient(this.host, http, processes, pageEvents);
    this.feed = createFeed({ show: 'main', bus: this.bus, booking, logger: silentLogger, clock: this.host.clock });
    this.#pages = pages;
    this.#stream = new PacedSeats({
      feed: streamedFeed(this.feed),
      metrics: edgeMetrics(new Registry()),
      clock: this.host.clock,
    });
    this.host.run(() => this.feed.start(this));
  }

  /** [G6] Each once, in order. */
  onUpdate(event: SeatEvent, seat: Seat): void {
    this.#world.count('updates told');
    const { epoch, seq } = this.#told;
    if (event.epoch !== epoch || event.seq !== seq + 1) this.#expectReset(event);
    if (!this.#ledger.hasEvent(event)) {
      this.#world.fail('G6', `${this.host.name} was told of ${event.epoch}:${event.seq}, which never happened`);
    }
    if (!isSameSeat(seat, this.#ledger.seatsAt(event)?.get(seat.id))) {
      this.#world.fail('G5', `${this.host.name} shows a seat as it never was: ${JSON.stringify(seat)}`);
    }
    this.#moveTo({ epoch: event.epoch, seq: event.seq });
    this.#seats.set(seat.id, seat);
    this.#stream.onUpdate(event, seat);
  }

  onReset(): void {
    this.#world.count('resets told');
    this.#skippedTo = undefined;
    this.#moveTo(this.feed.position);
    for (const seat of this.feed.seats) this.#seats.set(seat.id, seat);
    this.#stream.onReset();
    this.#connectPages();
    this.audit();
  }

  onStale(): void {}

  close(): void {
    this.#stream.close();
    this.feed.close();
  }

  /** [G5] The received events give the view of the feed, and the venue at that position. */
  audit(): void {
    if (!this.feed.isReady()) return;
    const { epoch, seq } = this.feed.position;
    if (epoch !== this.#told.epoch || seq !== this.#told.seq) {
      this.#world.fail(
        'G6',
        `${this.host.name} is at ${epoch}:${seq} and has told up to ${JSON.stringify(this.#told)}`,
      );
    }
    const was = this.#ledger.seatsAt({ epoch, seq });
    for (const seat of this.feed.seats) {
      const same = isSameSeat(seat, was?.get(seat.id)) && isSameSeat(seat, this.#seats.get(seat.id));
      if (!same) this.#world.fail('G5', `${this.host.name} at ${epoch}:${seq} shows ${JSON.stringify(seat)}`);
    }
  }

  #connectPages(): void {
    for (const page of this.#pages) {
      page.onPosition = () => this.#auditPage(page);
      const { position } = page.venue;
      if (!(position && this.#stream.resume(page, position))) this.#stream.sendState(page);
      this.#stream.subscribe(page);
    }
  }

  /** [G5] [R806] A page shows the venue at its position: no seat is older, and only its own are named. */
  #auditPage({ userId, venue }: CompactPage): void {
    this.#world.count('paced messages told');
    const { epoch = '', seq = 0 } = venue.position ?? {};
    const was = this.#ledger.seatsAt({ epoch, seq });
    for (const seat of venue.seats) {
      const { status, held_by, expires_at } = was?.get(seat.id) ?? {};
      const isOwn = held_by !== undefined && held_by === userId;
      const isSame = isOwn ? seat.held_by === userId && seat.expires_at === expires_at : seat.held_by === undefined;
      if (seat.status !== status || !isSame) {
        this.#world.fail('G5', `a page of ${this.host.name} at ${epoch}:${seq} shows ${JSON.stringify(seat)}`);
      }
    }
  }

  /** An update may leave a gap only if the whole venue follows at once. */
  #expectReset(event: SeatEvent): void {
    this.#skippedTo = event.seq;
    const { epoch, seq } = this.#told;
    this.#world.after(0, () => {
      if (this.#skippedTo === event.seq && this.host.alive) {
        this.#world.fail('G6', `${this.host.name} was told of ${event.epoch}:${event.seq} after ${epoch}:${seq}`);
      }
    });
  }

  /** Never backwards: neither within an epoch nor to an earlier one. */
  #moveTo(position: Position): void {
    const { epoch, seq } = this.#told;
    const isBack = epoch === position.epoch ? position.seq < seq : numberOf(position.epoch) < numberOf(epoch);
    if (isBack) {
      this.#world.fail('G5', `${this.host.name} went back from ${epoch}:${seq} to ${position.epoch}:${position.seq}`);
    }
    this.#told = position;
    this.#world.trace(() => `${this.host.name}: shows ${position.epoch}:${position.seq}`);
  }
}

/** The venue of the simulation is never stale for its pages: they must show the known state. */
const streamedFeed = (feed: Feed): ConstructorParameters<typeof PacedSeats>[0]['feed'] => ({
  get position() {
    return feed.position;
  },
  get seats() {
    return feed.seats;
  },
  stale: false,
  header: () => ({ ...feed.position, venue: 'main', server_time: 1, hold_seconds: 1, max_holds: 1, rows: 1, cols: 1 }),
});

function numberOf(epoch: string): number {
  return Number(epoch.slice(1) || 0);
}
