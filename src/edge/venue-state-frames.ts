import type { RequestId } from './client-message.ts';
import { textFrame } from './frame.ts';
import type { VenueFeed } from './venue-feed.ts';

/** VENUE_STATE for whoever joins. The seats are serialised once per position; the time is always that of sending. */
export class VenueStateFrames {
  readonly #feed: VenueFeed;
  #epoch = '';
  #seq = -1;
  #seatsJson = '';

  constructor(feed: VenueFeed) {
    this.#feed = feed;
  }

  frame(requestId?: RequestId): Buffer {
    const header = this.#feed.header();
    if (header.epoch !== this.#epoch || header.seq !== this.#seq) {
      this.#seatsJson = JSON.stringify([...this.#feed.seats]);
      this.#epoch = header.epoch;
      this.#seq = header.seq;
    }
    const id = requestId === undefined ? '' : `"request_id":${JSON.stringify(requestId)},`;
    const data = `${JSON.stringify(header).slice(0, -1)},"seats":${this.#seatsJson}}`;
    return textFrame(`{"type":"VENUE_STATE",${id}"data":${data}}`);
  }
}
