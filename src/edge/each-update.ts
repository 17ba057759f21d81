import { subprotocol } from '../protocol/close-codes.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { SeatUpdate } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import type { RequestId } from './client-message.ts';
import { FlushSpan } from './flush-span.ts';
import { messageFrame } from './frame.ts';
import type { HubClient, SeatStream } from './seat-stream.ts';
import { UpdateLog } from './update-log.ts';
import type { VenueFeed } from './venue-feed.ts';
import { VenueStateFrames } from './venue-state-frames.ts';

/** Sends each change: serialised once, and written once per subscriber and turn of the event loop (seat-booking.v1). */
export class EachUpdate implements SeatStream {
  readonly #feed: VenueFeed;
  readonly #states: VenueStateFrames;
  readonly #log: UpdateLog;
  /** They have the venue as of the last flush. */
  readonly #subscribers = new Set<HubClient>();
  readonly #flushSpan = new FlushSpan(subprotocol);
  #unsent: Buffer[] = [];
  #flushPlanned = false;

  constructor(feed: VenueFeed, resumableUpdates: number) {
    this.#feed = feed;
    this.#states = new VenueStateFrames(feed);
    this.#log = new UpdateLog(resumableUpdates);
  }

  sendState(client: HubClient, requestId?: RequestId, sent: () => void = () => {}): void {
    this.#flush(); // updates that the state contains must not follow it
    client.sendState(this.#states.frame(requestId));
    sent();
  }

  resume(client: HubClient, position: Position): boolean {
    if (this.#feed.stale) return false; // only VENUE_STATE has the stale flag
    this.#flush();
    const missed = this.#log.since(position);
    if (!missed) return false;
    if (missed.length > 0) client.sendUpdates(Buffer.concat(missed));
    return true;
  }

  subscribe(client: HubClient): void {
    this.#subscribers.add(client);
  }

  unsubscribe(client: HubClient): void {
    this.#subscribers.delete(client);
  }

  onUpdate(event: SeatEvent, { id, status, held_by, expires_at }: Seat): void {
    const { epoch, seq } = event;
    const update: SeatUpdate = { seat_id: id, status, seq };
    if (held_by !== undefined) update.held_by = held_by;
    if (expires_at !== undefined) update.expires_at = expires_at;
    const frame = messageFrame({ type: 'SEAT_UPDATE', data: update });
    this.#log.append({ epoch, seq }, frame);
    this.#flushSpan.add(event);
    this.#broadcast(frame);
  }

  onReset(): void {
    this.#log.restart(this.#feed.position);
    this.#sendStateToAll();
  }

  onStale(): void {
    this.#sendStateToAll(); // so that the page can show it
  }

  #broadcast(frame: Buffer): void {
    this.#unsent.push(frame);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const unsent = this.#unsent;
    this.#unsent = [];
    if (this.#subscribers.size > 0) {
      const frames = Buffer.concat(unsent);
      for (const client of this.#subscribers) client.sendUpdates(frames);
    }
    this.#flushSpan.end(this.#subscribers.size);
  }

  #sendStateToAll(): void {
    this.#unsent = []; // the state contains it
    if (this.#subscribers.size > 0) {
      const shared = this.#states.sharedFrame();
      for (const client of this.#subscribers) client.sendState(shared);
    }
    this.#flushSpan.end(this.#subscribers.size);
  }
}
