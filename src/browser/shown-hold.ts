import type { Seat } from '../protocol/seat.ts';

/** Remaining time from which on a hold is shown as about to end. */
export const urgentMs = 10_000;

/** Largest difference of the ends of holds that are shown and announced as one end. */
export const sameEndMs = 5_000;

/** A hold of the user as the page shows it. */
export interface ShownHold {
  seat: Seat;
  remainingMs: number;
  isBusy: boolean;
}
