import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

/** The number of seats by status. */
export function statusCounts(seats: Iterable<Seat>): { available: number; held: number; booked: number } {
  const counts = { available: 0, held: 0, booked: 0 };
  for (const { status } of seats) {
    if (status === SeatStatus.available) counts.available++;
    else if (status === SeatStatus.held) counts.held++;
    else counts.booked++;
  }
  return counts;
}
