import type { Position } from '../protocol/venue.ts';
import type { VenueView } from '../venue/venue-view.ts';

interface SeatsReply {
  bytes: Buffer;
  headers: { etag: string; 'cache-control': string };
}

/** All seats of a view as `GET /api/seats` answers them, made again only when the view has moved. */
export class SeatsJson {
  readonly #view: VenueView;
  #position: Position | undefined;
  #reply!: SeatsReply;

  constructor(view: VenueView) {
    this.#view = view;
  }

  current(): SeatsReply {
    const { epoch, seq } = this.#view;
    if (seq !== this.#position?.seq || epoch !== this.#position.epoch) {
      this.#position = { epoch, seq };
      this.#reply = {
        bytes: Buffer.from(JSON.stringify([...this.#view.seats])),
        headers: { etag: `"${epoch}:${seq}"`, 'cache-control': 'no-cache' },
      };
    }
    return this.#reply;
  }
}
