import type { Position } from '../protocol/venue.ts';
import type { VenueView } from '../venue/venue-view.ts';

/** All seats of a view as the bytes of `GET /api/seats`, made again only when the view has moved. */
export class SeatsJson {
  readonly #view: VenueView;
  #position: Position = { epoch: '', seq: -1 };
  #bytes = Buffer.alloc(0);

  constructor(view: VenueView) {
    this.#view = view;
  }

  current(): Buffer {
    const { epoch, seq } = this.#view;
    if (seq !== this.#position.seq || epoch !== this.#position.epoch) {
      this.#bytes = Buffer.from(JSON.stringify([...this.#view.seats]));
      this.#position = { epoch, seq };
    }
    return this.#bytes;
  }
}
