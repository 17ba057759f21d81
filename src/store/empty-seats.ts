import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';

/** All seats of a show that nobody has held yet, in the order of the plan. */
export function* emptySeats(plan: SeatingPlan): Generator<Seat> {
  for (const planned of plan.seats()) yield { ...planned, status: SeatStatus.available, seq: 0 };
}
