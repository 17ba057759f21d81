import type { Position } from '../protocol/venue.ts';
import type { VenueView } from '../venue/venue-view.ts';

interface SeatsReply extends Position {
  bytes: Buffer;
  headers: { etag: string; 'cache-control': string };
}

/** All seats of a view as `GET /api/seats` answers them, made again only when the view has moved. */
export class SeatsJson {
  readonly #view: VenueView;
  #reply: SeatsReply | undefined;

  constructor(view: VenueView) {
    this.#view = view;
  }

  current(): SeatsReply {
    const { epoch, seq } = this.#view;
    if (seq !== this.#reply?.seq || epoch !== this.#reply.epoch) {
      this.#reply = {
        epoch,
        seq,
        bytes: Buffer.from(JSON.stringify([...this.#view.seats])),
        headers: { etag: `"${epoch}:${seq}"`, 'cache-control': 'no-cache' },
      };
    }
    return this.#reply;
  }
}
