import type { MapHold } from './map/map-options.ts';
import type { Venue } from './venue.ts';

/** A map of seats, as the page uses it. */
export interface PageMap {
  /** Draws the seat again in the next frame, with an animation if another user changed it. */
  touch(id: string, byOthers?: boolean): void;
  /** Moves the focus to a seat; without an id to the seat that had it last. */
  focus(id?: string): void;
  renderLive(isLive: boolean): void;
  /** A map may know its seats without the venue. */
  render(userId: string, venue: Venue): void;
  renderTime(holds: readonly MapHold[], holdMs: number): void;
}
