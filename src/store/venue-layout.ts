import type { Seat } from '../protocol/seat.ts';
import { seatId } from '../protocol/seat-id.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

export interface VenueLayout {
  rows: number;
  cols: number;
}

/** Every seat of a venue in which nothing has happened yet, in row-major order. */
export function* emptySeats({ rows, cols }: VenueLayout): Generator<Seat> {
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      yield { id: seatId(row, col), row, col, status: SeatStatus.available, seq: 0 };
    }
  }
}

export function inRowMajorOrder(seats: Seat[]): Seat[] {
  return seats.sort((a, b) => a.row - b.row || a.col - b.col);
}
