import type { Seat } from '../protocol/seat.ts';
import type { CompactState, VenueState } from '../protocol/venue.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { Venue } from './venue.ts';

/** The VENUE_STATE that a SEATS for this user stands for. A seat that has not changed keeps what is known of it, so that it is not drawn again. */
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
    // Without the seq of the seat, that of the state: it contains all transitions up to there.
    seats.push(ownSeat ?? (isUnchanged ? before : { id, row, col, status, seq: rest.seq }));
  }
  return { ...rest, seats };
}
