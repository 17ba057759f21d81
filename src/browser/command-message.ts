import type { CommandMessage } from '../protocol/command-routes.ts';
import type { PendingRequest } from './pending-requests.ts';

const holdMessageTypes = {
  select: 'HOLD_SEATS',
  extend: 'EXTEND_HOLD',
  book: 'BOOK_HOLD',
  release: 'RELEASE_HOLD',
} as const;
const seatMessageTypes = { select: 'SELECT_SEAT', book: 'BOOK_SEAT', release: 'RELEASE_SEAT' } as const;

/** A command on one seat is a message about that seat, except to extend, which only holds can be. */
export function commandMessage({ id, action, seatIds }: PendingRequest): CommandMessage {
  const [first, second] = seatIds;
  if (action !== 'extend' && first !== undefined && second === undefined) {
    return { type: seatMessageTypes[action], request_id: id, data: { seat_id: first } };
  }
  return { type: holdMessageTypes[action], request_id: id, data: { seats: [...seatIds] } };
}
