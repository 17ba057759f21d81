import type { Seat } from '../protocol/seat.ts';
import type { CompactState, SeatChanges, VenueState } from '../protocol/venue.ts';
import { GridOrder, type SeatOrder } from './seat-order.ts';
import type { Venue } from './venue.ts';

/**
 * The VENUE_STATE that a SEATS for this user stands for. A seat that has not changed keeps what is known of it, so that it is
 * not drawn again. All seats get the seq of the message, which contains all transitions up to there: an older message must not move them back.
 */
export function expandedState(
  { statuses, own, ...rest }: CompactState,
  { order, known, userId }: { order: SeatOrder; known: Venue; userId: string | undefined },
): VenueState {
  const ownSeats = new Map(own.map((seat) => [seat.id, seat]));
  const isSameEpoch = known.position?.epoch === rest.epoch;
  const seats: Seat[] = [];
  for (let index = 0; index < order.size; index++) {
    const id = order.id(index);
    const ownSeat = ownSeats.get(id);
    const status = Number(statuses[index]) as Seat['status'];
    const before = isSameEpoch ? known.seat(id) : undefined;
    const isOwnNoMore = before?.held_by !== undefined && before.held_by === userId;
    const isUnchanged = before?.status === status && !isOwnNoMore;
    const seat = isUnchanged
      ? { ...before, seq: Math.max(before.seq, rest.seq) }
      : seatAt(order, index, status, rest.seq);
    seats.push(ownSeat ? { ...ownSeat, seq: rest.seq } : seat);
  }
  return { ...rest, seats };
}

function changedSeats({ seq, own = [], ...changes }: SeatChanges, order: SeatOrder): Seat[] {
  const seats = own.map((seat) => ({ ...seat, seq }));
  for (const [status, indexes] of [changes.available, changes.held, changes.booked].entries()) {
    for (const index of indexes ?? []) {
      if (index >= order.size) continue; // a seat of another plan, which the next state reports
      seats.push(seatAt(order, index, status as Seat['status'], seq));
    }
  }
  return seats;
}

function seatAt(order: SeatOrder, index: number, status: Seat['status'], seq: number): Seat {
  return { id: order.id(index), row: order.rowOf(index), col: order.colOf(index), status, seq };
}

/**
 * Takes over a SEATS for this user. Without a plan the seats are a grid. The connection may be lost after `own`: only the
 * part after it moves the position.
 */
export function applySeats(
  venue: Venue,
  data: CompactState | SeatChanges,
  { plan, stateUserId }: { plan?: SeatOrder; stateUserId?: () => string | undefined },
): void {
  const order = plan ?? new GridOrder(isWholeState(data) ? data : venue);
  if (isWholeState(data)) venue.replace(expandedState(data, { order, known: venue, userId: stateUserId?.() }));
  else if (data.own) venue.learnOf(data.epoch, changedSeats(data, order));
  else venue.moveTo(data, changedSeats(data, order));
}

/** Whether a SEATS has all seats, not only those that changed. */
export const isWholeState = (data: CompactState | SeatChanges): data is CompactState => 'statuses' in data;
