import type { Seat } from '../protocol/seat.ts';

/** From here on the time that is left is shown as short. */
export const urgentMs = 10_000;

/** A hold of the user as the page shows it. */
export interface ShownHold {
  seat: Seat;
  remainingMs: number;
  isBusy: boolean;
}
