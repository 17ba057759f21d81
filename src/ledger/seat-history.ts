import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';

/** A transition of a seat in the ledger. `epoch`: the one in which it was decided. */
export interface LedgerEvent extends Pick<SeatEvent, 'type' | 'seat_id' | 'user_id' | 'epoch' | 'seq' | 'reason'> {
  /** Unix ms on the clock of the store. */
  atMs: number;
  /** End of the hold in Unix ms. */
  expiresAtMs?: number;
}

export interface Booking {
  seatId: string;
  userId: string;
}

/** A seat that is booked in the store. `at`: the position of the show after its transition. */
export interface BookedSeat extends Booking {
  at: Position;
}

/** All orders of the seat by its user have ended, and there is no live ticket for it. */
export interface StrayBooking extends Booking {
  /** The newest of the orders. */
  orderId: string;
}

/** A booked seat whose transition the log has lost. */
export interface RecoveredBooking extends Booking {
  /** When it was read from the store, in Unix ms. */
  atMs: number;
}

/** A seat that must be booked in a new epoch. */
export interface RestorableSeat extends Booking {
  /** Absent: a booking without an order, as in a show without prices. */
  orderId?: string;
}
