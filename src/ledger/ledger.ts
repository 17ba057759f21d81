import type { OrderState } from '../protocol/order-state.ts';
import type { NewOrder, Order, PaymentFact, PaymentState, Ticket } from './order.ts';
import type { BookedSeat, LedgerEvent, RecoveredBooking, RestorableSeat, StrayBooking } from './seat-history.ts';

export interface OrderChange {
  /** Absent: the state stays. `issued`: only if the order has its tickets, as after a time in `needs_person`. */
  state?: OrderState;
  /** When the reconciler must look at the order, in Unix ms. undefined: never. */
  dueAtMs: number | undefined;
  /** Why, e.g. for `needs_person`: a short text for people. Absent: the previous reason stays. */
  reason?: string;
  /** Recorded in the same transaction. */
  facts?: readonly PaymentFact[];
  /** Voids all live tickets of the order, so that their seats can be sold again. */
  voidTickets?: true;
  /** Unix ms. */
  atMs: number;
}

export interface Issue {
  /** One for each seat of the order. */
  tickets: readonly Pick<Ticket, 'id' | 'seatId'>[];
  /** When the reconciler must look at the order again, e.g. for the capture, in Unix ms. undefined: never. */
  dueAtMs: number | undefined;
  /** Unix ms. */
  atMs: number;
}

/** A message of a payment provider. `(provider, id)` is unique: the second delivery has no effect. */
export interface Notice {
  provider: string;
  id: string;
  /** Type of the message in the words of the provider. */
  type: string;
  /** Unix ms. */
  receivedAtMs: number;
}

export interface OrderQuery {
  state?: OrderState;
  show?: string;
  userId?: string;
  /** At most this many, the newest first. */
  limit: number;
}

/** The number of orders and what they amount to, for metrics and audits. */
export interface OrderTotals {
  state: OrderState;
  show: string;
  currency: string;
  orders: number;
  /** Captured minus refunded, in minor units. */
  paidMinor: number;
}

/** The number of payments, for metrics. `begun`: nobody but the provider knows the outcome yet. */
export interface PaymentTotals {
  provider: string;
  state: PaymentState;
  payments: number;
}

/**
 * The database of orders, payments, tickets and of every transition. Each method that writes is one transaction.
 *
 * Every method rejects with a `LedgerUnavailableError` (retry) within a few seconds if the database cannot be reached, and
 * never hangs. Every method is idempotent: repeating a call after a `LedgerUnavailableError`, even one with
 * `outcome: 'unknown'`, takes effect once. For `change` and `issue` that holds within the call, which repeats itself after
 * a connection that was lost during COMMIT; if the caller repeats a call whose outcome is unknown, it gets an
 * `OrderChangedError` with the order as it is now.
 */
export interface Ledger {
  /**
   * Creates an order in state `open`, version 1. Returns the existing order if there is one with this id and the same
   * content. Rejects with a `SeatInOrderError` if the user has another unfinished order for one of its seats.
   */
  createOrder(order: NewOrder): Promise<Order>;
  /** The order with its seats, payments and tickets, as one consistent read; undefined if there is none. */
  order(id: string): Promise<Order | undefined>;
  /** The orders that match, newest first. */
  orders(query: OrderQuery): Promise<Order[]>;
  /** The order of a payment, by the provider's reference. */
  orderOfPayment(provider: string, reference: string): Promise<Order | undefined>;
  /**
   * Records facts of one order's payments, whatever its state: money first. With a notice, only if that notice is new; both
   * in one transaction. Facts merge: in any order, any number of times, the result is the same. A fact that adds
   * something raises the order's version, and makes an order due that was not. Rejects with an `UnknownOrderError`, then without recording the notice.
   */
  recordPayment(
    orderId: string,
    facts: readonly PaymentFact[],
    notice?: Notice,
  ): Promise<{ order: Order; isNew: boolean }>;
  /** Changes an order if it still has the version that the caller has read. Rejects with an `OrderChangedError` or `UnknownOrderError`. */
  change(order: Order, change: OrderChange): Promise<Order>;
  /**
   * Order → `issued`, with its tickets: all or nothing. Rejects with an `OrderChangedError`, an `UnknownOrderError`, or a
   * `SeatAlreadySoldError` if another live ticket has one of the seats.
   */
  issue(order: Order, issue: Issue): Promise<Order>;
  /**
   * The orders that are due at `nowMs`, the longest overdue first, at most `limit`; each becomes due again at
   * `nowMs + leaseMs`, for another process if this one dies. No two callers get the same one. The versions stay.
   */
  claimDue(nowMs: number, leaseMs: number, limit: number): Promise<Order[]>;
  /** The live ticket of a seat. */
  liveTicket(show: string, seatId: string): Promise<Ticket | undefined>;
  /** A ticket by its id, live or void. */
  ticket(id: string): Promise<Ticket | undefined>;
  /** For metrics and audits: one row per state, show and currency. */
  totals(): Promise<OrderTotals[]>;
  /** For metrics: one row per provider and state. */
  paymentTotals(): Promise<PaymentTotals[]>;

  /**
   * Appends transitions of a show to its history, in order. Those that it has already are skipped, so any number of processes
   * may append the same ones. Rejects with a `HistoryGapError` if transitions before the first one are missing.
   */
  appendEvents(show: string, batch: EventBatch): Promise<void>;
  /** The newest transition that was decided in this epoch and is written; undefined if none is. */
  projectedSeq(show: string, epoch: string): Promise<number | undefined>;
  /** The transitions of a show after a position in its history, oldest first, at most `limit`. */
  eventsAfter(show: string, after: HistoryPosition | undefined, limit: number): Promise<LedgerEvent[]>;
  /**
   * The seats of a show that must be booked in a new epoch, whatever Redis says: those of live tickets, and bookings by users who
   * never had an order of the seat.
   */
  restorable(show: string): Promise<RestorableSeat[]>;

  /**
   * The booked seats of the store whose orders have ended without a ticket, also if the store lost their release. Only those whose
   * transition the history has, in this epoch: before, the ledger may have lost the order; a recovered booking may be that of a lost order.
   */
  strayBookings(show: string, booked: readonly BookedSeat[]): Promise<StrayBooking[]>;

  /** Ends the connections. */
  close(): Promise<void>;
}

/** A point in the history of a show: the number of the epoch, counted from 1, and the seq in it. */
export interface HistoryPosition {
  epochNo: number;
  seq: number;
}

export interface EventBatch {
  /** Consecutive in the log of the store, oldest first. */
  events: readonly LedgerEvent[];
  /** Present if the log has lost the transitions before the events: the bookings that the store has now. */
  recovered?: readonly RecoveredBooking[];
}
