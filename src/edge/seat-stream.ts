import type { Position } from '../protocol/venue.ts';
import type { RequestId } from './client-message.ts';
import type { VenueFeedListener } from './venue-feed.ts';
import type { VenueStateFrame } from './venue-state-frames.ts';

/** The part of a client connection that a show uses. */
export interface HubClient {
  /** True: its subprotocol is seat-booking.v2. */
  readonly isCompact: boolean;
  /** As the client names itself. */
  readonly userId: string | undefined;
  /** Takes complete frames. */
  sendUpdates(frames: Buffer): void;
  sendState(frame: VenueStateFrame): void;
  ping(): void;
  /** Closes the connection after the replies to its commands. Never rejects. */
  leave(reason: { code: number }): Promise<void>;
  terminate(reason: string): void;
}

/** Keeps its subscribers up to date with a show, in the messages of one subprotocol. */
export interface SeatStream extends Pick<VenueFeedListener, 'onUpdate' | 'onReset' | 'onStale'> {
  /** Sends the current state, now or a little later, and calls `sent` then. */
  sendState(client: HubClient, requestId?: RequestId, sent?: () => void): void;
  /** Sends the changes since `position`; false if the client needs the whole state. */
  resume(client: HubClient, position: Position): boolean;
  /** Sends all later changes. Call it in the same turn as `sendState` or `resume`. */
  subscribe(client: HubClient): void;
  unsubscribe(client: HubClient): void;
}
