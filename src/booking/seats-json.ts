import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import type { VenueView } from '../venue/venue-view.ts';

interface SeatsReply extends Position {
  bytes: Buffer;
  headers: { etag: string; 'cache-control': string };
}

/** All seats of a view as JSON. Serialises only the seats that changed since the last call. */
export class SeatsJson {
  readonly #view: VenueView;
  readonly #seats: Seat[] = [];
  readonly #texts: string[] = [];
  #reply: SeatsReply | undefined;

  constructor(view: VenueView) {
    this.#view = view;
  }

  current(): SeatsReply {
    const { epoch, seq } = this.#view;
    if (seq !== this.#reply?.seq || epoch !== this.#reply.epoch) {
      this.#update();
      this.#reply = {
        epoch,
        seq,
        bytes: Buffer.from(`[${this.#texts.join(',')}]`),
        headers: { etag: `"${epoch}:${seq}"`, 'cache-control': 'no-cache' },
      };
    }
    return this.#reply;
  }

  /** A changed seat is a new object. */
  #update(): void {
    let index = 0;
    for (const seat of this.#view.seats) {
      if (this.#seats[index] !== seat) {
        this.#seats[index] = seat;
        this.#texts[index] = JSON.stringify(seat);
      }
      index++;
    }
    this.#seats.length = index;
    this.#texts.length = index;
  }
}
