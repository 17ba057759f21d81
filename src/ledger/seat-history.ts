import type { SeatEvent } from '../protocol/events.ts';

/** A transition of a seat in the ledger. `epoch`: the one in which it was decided. */
export interface LedgerEvent extends Pick<SeatEvent, 'type' | 'seat_id' | 'user_id' | 'epoch' | 'seq' | 'reason'> {
  /** Unix ms on the clock of the store. */
  atMs: number;
  /** End of the hold in Unix ms. */
  expiresAtMs?: number;
}

/** A booked seat whose transition the log has lost. */
export interface RecoveredBooking {
  seatId: string;
  userId: string;
  /** When it was read from the store, in Unix ms. */
  atMs: number;
}

/** A seat that must be booked in a new epoch. */
export interface RestorableSeat {
  seatId: string;
  userId: string;
  /** Absent: a booking without an order, as in a show without prices. */
  orderId?: string;
}
