import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

/** A row counts more than a seat: people who come together want to sit in one row. */
const rowWeight = 1.5;

/** The available seat nearest to another; of two equally near ones the one nearer to the stage. Undefined if sold out. */
export function nearestFreeSeat(seats: Iterable<Seat>, to: Seat): Seat | undefined {
  let nearest: Seat | undefined;
  let nearestDistance = Number.POSITIVE_INFINITY;
  for (const seat of seats) {
    if (seat.status !== SeatStatus.available || seat.id === to.id) continue;
    const distance = Math.hypot((seat.row - to.row) * rowWeight, seat.col - to.col);
    // The seats come in row-major order, so the first of equals is the one nearer to the stage.
    if (distance >= nearestDistance) continue;
    nearest = seat;
    nearestDistance = distance;
  }
  return nearest;
}
