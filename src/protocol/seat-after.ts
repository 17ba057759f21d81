import type { SeatEvent } from './events.ts';
import type { Seat } from './seat.ts';

/** What a seat is after an event. Row and column never change. */
export function seatAfter(seat: Seat, event: SeatEvent): Seat {
  const after: Seat = { id: seat.id, row: seat.row, col: seat.col, status: event.status, seq: event.seq };
  if (event.type !== 'released') after.held_by = event.user_id;
  if (event.expires_at !== undefined) after.expires_at = event.expires_at;
  return after;
}
