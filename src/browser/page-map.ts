import type { Seat } from '../protocol/seat.ts';
import type { Venue } from './venue.ts';

export interface MapHold {
  seat: Seat;
  remainingMs: number;
}

/** A map of seats, as the page uses it. */
export interface PageMap {
  /** Draws the seat again in the next frame, with an animation if another user changed it. */
  touch(id: string, byOthers?: boolean): void;
  /** Moves the focus to a seat; without an id to the seat that had it last. */
  focus(id?: string): void;
  renderLive(isLive: boolean): void;
  render(venue: Venue, userId: string): void;
  renderTime(holds: readonly MapHold[], holdMs: number): void;
}
