import type { VenueFeed, VenueFeedListener } from '../../src/edge/venue-feed.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { stateAfter } from '../../src/protocol/state-after.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { Feed } from './simulated-edge.ts';

type Options = ConstructorParameters<typeof VenueFeed>[0];

/** A control: reads the venue once, then applies all events in the order of arrival. */
export class NaiveFeed implements Feed {
  readonly #options: Options;
  readonly #seats = new Map<string, Seat>();
  #position: Position = { epoch: '', seq: 0 };
  #isReady = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get position(): Position {
    return this.#position;
  }

  get seats(): Iterable<Seat> {
    return this.#seats.values();
  }

  isReady(): boolean {
    return this.#isReady;
  }

  start(listener: VenueFeedListener): void {
    this.#options.bus.subscribe({ onEvent: (event) => this.#apply(event, listener) });
    void this.#read(listener);
  }

  close(): void {
    this.#isReady = false;
  }

  async #read(listener: VenueFeedListener): Promise<void> {
    for (;;) {
      const venue = await this.#options.booking.venue(this.#options.show).catch(() => undefined);
      if (venue) {
        for (const seat of venue.seats) this.#seats.set(seat.id, seat);
        this.#position = { epoch: venue.epoch, seq: venue.seq };
        this.#isReady = true;
        listener.onReset();
        return;
      }
      await new Promise<void>((resolve) => {
        this.#options.clock?.setTimeout(resolve, 100);
      });
    }
  }

  #apply(event: SeatEvent, listener: VenueFeedListener): void {
    const seat = this.#seats.get(event.seat_id);
    if (!seat) return;
    const after = { id: seat.id, row: seat.row, col: seat.col, ...stateAfter(event) };
    this.#seats.set(seat.id, after);
    this.#position = { epoch: event.epoch, seq: event.seq };
    listener.onUpdate(event, after);
  }
}
