import type { Seat } from '../protocol/seat.ts';
import type { RequestId } from './client-message.ts';
import { frameStart } from './frame.ts';
import type { VenueFeed } from './venue-feed.ts';

/** A complete VENUE_STATE or SEATS. All frames share the buffers that hold the seats. */
export interface VenueStateFrame {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
}

/** A change re-serialises one part, not the whole venue. */
const seatsPerPart = 250;
const end = Buffer.from(']}}');

/** Serialises VENUE_STATE. Each part of the seats is serialised once per change; `server_time` is always the time of sending. */
export class VenueStateFrames {
  readonly #feed: VenueFeed;
  #epoch = '';
  #seq = -1;
  /** The seats in `#parts`. */
  #seats: Seat[] = [];
  #parts: Buffer[] = [];

  constructor(feed: VenueFeed) {
    this.#feed = feed;
  }

  /** For one client. */
  frame(requestId?: RequestId): VenueStateFrame {
    const { plan: _, ...header } = this.#feed.header(); // v1 stays as it is
    if (header.epoch !== this.#epoch || header.seq !== this.#seq) {
      this.#update();
      this.#epoch = header.epoch;
      this.#seq = header.seq;
    }
    return stateFrame('VENUE_STATE', header, '"seats":[', [...this.#parts, end], requestId);
  }

  /** For many clients at once: a single buffer, which they share. */
  sharedFrame(): VenueStateFrame {
    const { parts, bytes } = this.frame();
    return { parts: [Buffer.concat(parts)], bytes };
  }

  #update(): void {
    const seats = [...this.#feed.seats];
    const isSameVenue = seats.length === this.#seats.length;
    for (let start = 0, part = 0; start < seats.length; start += seatsPerPart, part++) {
      if (isSameVenue && this.#shows(seats, start)) continue;
      const json = JSON.stringify(seats.slice(start, start + seatsPerPart)).slice(1, -1);
      this.#parts[part] = Buffer.from(start === 0 ? json : `,${json}`);
    }
    this.#parts.length = Math.ceil(seats.length / seatsPerPart);
    this.#seats = seats;
  }

  /** A changed seat is a new object. */
  #shows(seats: readonly Seat[], start: number): boolean {
    const stop = Math.min(start + seatsPerPart, seats.length);
    for (let i = start; i < stop; i++) if (seats[i] !== this.#seats[i]) return false;
    return true;
  }
}

/** `head`: all fields of the data but the last, which begins with `last` and continues in `rest`. */
export function stateFrame(
  type: 'VENUE_STATE' | 'SEATS',
  head: object,
  last: string,
  rest: readonly Buffer[],
  requestId: RequestId | undefined,
): VenueStateFrame {
  const id = requestId === undefined ? '' : `"request_id":${JSON.stringify(requestId)},`;
  const text = `{"type":"${type}",${id}"data":${JSON.stringify(head).slice(0, -1)},${last}`;
  const parts = [frameStart(text, bytesOf(rest)), ...rest];
  return { parts, bytes: bytesOf(parts) };
}

function bytesOf(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
