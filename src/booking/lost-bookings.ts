import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

/** Seats that were booked before and are not booked by the same user now. */
export function lostBookings(before: Iterable<Seat>, now: readonly Seat[]): Seat[] {
  const isBooked = ({ status }: Seat) => status === SeatStatus.booked;
  const holders = new Map(now.filter(isBooked).map(({ id, held_by }) => [id, held_by]));
  return [...before].filter(
    (seat) => isBooked(seat) && seat.held_by !== undefined && holders.get(seat.id) !== seat.held_by,
  );
}
