import type { OrderState } from '../protocol/order-state.ts';

export interface OrderSeat {
  seatId: string;
  ticketType: string;
  /** In minor units of the order's currency. */
  priceMinor: number;
}

export interface NewOrder {
  /** Unguessable; chosen by the caller, so that a repeated call creates nothing new. */
  id: string;
  show: string;
  userId: string;
  /** ISO 4217. */
  currency: string;
  /** At least one, no seat twice. Their prices add up to the amount of the order. */
  seats: readonly OrderSeat[];
  /** Unix ms: the end of the time to pay. */
  payUntilMs: number;
  /** When the reconciler must look at the order, in Unix ms. */
  dueAtMs: number | undefined;
  /** Unix ms. */
  createdAtMs: number;
}

export interface Order extends Omit<NewOrder, 'seats'> {
  state: OrderState;
  /** From 1; raised by each change and by each new fact about its money. */
  version: number;
  /** The sum of its prices in minor units. */
  amountMinor: number;
  /** In the order in which they were given. */
  seats: readonly OrderSeat[];
  reason: string | undefined;
  /** The state in which it came to need a person. undefined: it never did, or goes on from there. */
  stuckIn: OrderState | undefined;
  /** Unix ms. */
  changedAtMs: number;
  /** By attempt. */
  payments: readonly Payment[];
  /** Live and void ones, in the order of their issue. */
  tickets: readonly Ticket[];
}

/**
 * One attempt to pay an order, as what is known about its money. Facts are only added: a late or repeated message changes
 * nothing. `paymentState` derives the state.
 */
export interface Payment {
  /** From 1. */
  attempt: number;
  provider: string;
  /** The provider's id of the payment; undefined until it is known. */
  reference: string | undefined;
  amountMinor: number;
  /** Unix ms of each fact; undefined: not known to have happened. */
  begunAtMs: number;
  authorisedAtMs: number | undefined;
  capturedAtMs: number | undefined;
  /** Definitely without a charge: declined, or expired at the provider. */
  failedAtMs: number | undefined;
  /** The authorisation was given back. */
  cancelledAtMs: number | undefined;
  /** In total, in minor units. */
  capturedMinor: number;
  /** In total, in minor units. */
  refundedMinor: number;
  /** Why it failed, in the words of the provider. */
  failure: string | undefined;
}

interface FactOf<Kind extends string> {
  kind: Kind;
  attempt: number;
  /** Unix ms. */
  atMs: number;
  /** The provider's id of the payment, once it is known. */
  reference?: string;
}

/** The first fact of an attempt must be `begun`. */
export type PaymentFact =
  | (FactOf<'begun'> & { provider: string; amountMinor: number })
  | FactOf<'authorised'>
  /** `totalMinor`: in total of this attempt, not of this message, so that a repeated message adds nothing. */
  | (FactOf<'captured' | 'refunded'> & { totalMinor: number })
  | (FactOf<'failed'> & { failure: string })
  | FactOf<'cancelled'>;

export type PaymentState = 'begun' | 'authorised' | 'captured' | 'refunded' | 'failed' | 'cancelled';

/** `begun` means that the outcome is unknown: only the provider knows it. A capture outweighs every other fact. */
export function paymentState(payment: Payment): PaymentState {
  const { authorisedAtMs, capturedAtMs, failedAtMs, cancelledAtMs, capturedMinor, refundedMinor } = payment;
  if (capturedAtMs !== undefined) return refundedMinor >= capturedMinor ? 'refunded' : 'captured';
  if (cancelledAtMs !== undefined) return 'cancelled';
  if (authorisedAtMs !== undefined) return 'authorised';
  return failedAtMs === undefined ? 'begun' : 'failed';
}

/** A seat that an order has paid for. A seat of a show has at most one ticket that is not void. */
export interface Ticket {
  /** Unguessable. */
  id: string;
  orderId: string;
  show: string;
  seatId: string;
  /** Unix ms. */
  issuedAtMs: number;
  /** Unix ms; undefined: the ticket is live. */
  voidedAtMs: number | undefined;
}
