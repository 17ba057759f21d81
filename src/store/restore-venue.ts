import type { SeatEvent } from '../protocol/events.ts';
import type { PlannedSeat, Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { stateAfter } from '../protocol/state-after.ts';
import { seatWith } from '../venue/seat-with.ts';
import type { Lock } from './seat-rules.ts';
import type { ProvenBooking } from './seat-store.ts';

/** The remaining data of a damaged venue. */
export interface VenueRemains {
  seats: ReadonlyMap<string, Seat>;
  locks: ReadonlyMap<string, Lock>;
  /** The newest event of each seat that is in the log. */
  lastEvents: ReadonlyMap<string, SeatEvent>;
  /** True if a seat without any trace was never sold: the log is complete, or the seat is new. */
  isUntouched(seat: PlannedSeat): boolean;
}

/**
 * The state of a seat that the remaining data proves. A booking that left any trace stays a booking. A seat that may have
 * been sold but left no trace is withheld.
 */
export function restoredSeat(planned: PlannedSeat, { seats, locks, lastEvents, isUntouched }: VenueRemains): Seat {
  const empty: Seat = { ...planned, status: SeatStatus.available, seq: 0 };
  const stored = seats.get(planned.id);
  const event = lastEvents.get(planned.id);
  const logged = event && { ...planned, ...stateAfter(event) };
  const newest = stored && logged ? (stored.seq >= logged.seq ? stored : logged) : (stored ?? logged);
  if (newest?.status === SeatStatus.booked) return newest;

  const lock = locks.get(planned.id);
  // Only a booking makes a lock without an end.
  if (lock && lock.expiresAtMs === undefined) {
    return { ...empty, status: SeatStatus.booked, held_by: lock.userId, seq: newest?.seq ?? 0 };
  }
  if (newest) return newest;
  if (lock?.expiresAtMs !== undefined) {
    return { ...empty, status: SeatStatus.held, held_by: lock.userId, expires_at: lock.expiresAtMs / 1000 };
  }
  return isUntouched(planned) ? empty : { ...empty, status: SeatStatus.booked };
}

/** The seat as it must be in a new epoch: a proven booking outweighs what the store has, except another booking without a ticket. */
export function withProof(seat: Seat, proof: ProvenBooking | undefined): Seat {
  if (!proof) return seat;
  const { userId, orderId } = proof;
  const isOthersBooking = seat.status === SeatStatus.booked && !isWithheld(seat) && seat.held_by !== userId;
  if (isOthersBooking && orderId === undefined) return seat;
  if (seat.status === SeatStatus.booked && seat.held_by === userId) return seat;
  return seatWith(seat, { status: SeatStatus.booked, held_by: userId, seq: seat.seq });
}

/** Booked without a user: the store lost the seat, and nothing proves that it is free. */
export function isWithheld({ status, held_by }: Seat): boolean {
  return status === SeatStatus.booked && held_by === undefined;
}
