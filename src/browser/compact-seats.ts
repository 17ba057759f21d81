import type { Seat } from '../protocol/seat.ts';
import type { CompactState, SeatChanges, VenueState } from '../protocol/venue.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { Venue } from './venue.ts';

/**
 * The VENUE_STATE that a SEATS for this user stands for. A seat that has not changed keeps what is known of it, so that it is
 * not drawn again. The seq of any other seat is that of the message, which contains all transitions up to there.
 */
export function expandedState(
  { statuses, own, ...rest }: CompactState,
  { plan, known, userId }: { plan: SeatingPlan; known: Venue; userId: string | undefined },
): VenueState {
  const ownSeats = new Map(own.map((seat) => [seat.id, seat]));
  const isSameEpoch = known.position?.epoch === rest.epoch;
  const seats: Seat[] = [];
  for (const { id, row, col } of plan.seats()) {
    const ownSeat = ownSeats.get(id);
    const status = Number(statuses[seats.length]) as Seat['status'];
    const before = isSameEpoch ? known.seat(id) : undefined;
    const isOwnNoMore = before?.held_by !== undefined && before.held_by === userId;
    const isUnchanged = before?.status === status && !isOwnNoMore;
    const seat = isUnchanged ? before : { id, row, col, status, seq: rest.seq };
    seats.push(ownSeat ? { ...ownSeat, seq: rest.seq } : seat);
  }
  return { ...rest, seats };
}

function changedSeats({ seq, own = [], ...changes }: SeatChanges, plan: SeatingPlan): Seat[] {
  const seats = own.map((seat) => ({ ...seat, seq }));
  for (const [status, indexes] of [changes.available, changes.held, changes.booked].entries()) {
    for (const index of indexes ?? []) {
      if (index >= plan.size) continue; // a seat of another plan, which the next state reports
      seats.push({
        id: plan.id(index),
        row: plan.rowOf(index),
        col: plan.colOf(index),
        status: status as Seat['status'],
        seq,
      });
    }
  }
  return seats;
}

/** Takes over a SEATS for this user. The connection may be lost after `own`: only what follows moves the position. */
export function applySeats(
  venue: Venue,
  data: CompactState | SeatChanges,
  { plan, stateUserId }: { plan?: SeatingPlan; stateUserId?: () => string | undefined },
): void {
  if (!plan) return; // no page without a plan asks for SEATS
  if (isWholeState(data)) venue.replace(expandedState(data, { plan, known: venue, userId: stateUserId?.() }));
  else if (data.own) venue.learnOf(data.epoch, changedSeats(data, plan));
  else venue.moveTo(data, changedSeats(data, plan));
}

/** Whether a SEATS has all seats, not only those that changed. */
export const isWholeState = (data: CompactState | SeatChanges): data is CompactState => 'statuses' in data;
