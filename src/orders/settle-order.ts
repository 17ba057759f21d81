import type { Ledger, OrderChange } from '../ledger/ledger.ts';
import { OrderChangedError, UnknownOrderError } from '../ledger/ledger-errors.ts';
import type { Order } from '../ledger/order.ts';
import type { OrderState } from '../protocol/order-state.ts';

/** The decisions of a person about an order. Each only writes to the ledger: a booking process does the rest within seconds. */
export interface SettleOptions {
  ledger: Pick<Ledger, 'order' | 'change'>;
  orderId: string;
  /** Unix ms. */
  nowMs: () => number;
}

/** The order is in a state in which there is nothing to retry or to refund. The message is for people. */
export class NothingToSettleError extends Error {
  override name = 'NothingToSettleError';
}

/**
 * Sends an order that needs a person on from where it was stuck. Rejects with a `NothingToSettleError`, an
 * `UnknownOrderError`, a `SeatInOrderError` if the user has another unfinished order for a seat, or as the ledger.
 */
export function retryOrder(options: SettleOptions): Promise<Order> {
  return settle(options, ({ state, stuckIn }) => {
    if (state !== 'needs_person') throw new NothingToSettleError(`it is ${state}: only needs_person can be retried`);
    if (stuckIn === undefined) throw new NothingToSettleError('it is not known where it was stuck: refund it');
    return { state: stuckIn, reason: 'The organiser has sent it on' };
  });
}

/**
 * Returns all money of an order that needs a person or has its tickets, which are then void, and frees its seats. Rejects
 * as `retryOrder`.
 */
export function refundOrder(options: SettleOptions): Promise<Order> {
  return settle(options, ({ state }) => {
    const why = notRefundable[state];
    if (why !== undefined) throw new NothingToSettleError(`it is ${state}: ${why}`);
    return { state: 'refunding', voidTickets: true, reason: 'The organiser has returned the money' };
  });
}

const unsettled = 'it is still being settled. Wait, or let its user cancel it';
const unpaid = 'nothing is paid';
const notRefundable: Partial<Record<OrderState, string>> = {
  open: unsettled,
  paying: unsettled,
  authorised: unsettled,
  booking: unsettled,
  lapsing: unpaid,
  lapsed: unpaid,
  cancelling: unpaid,
  cancelled: unpaid,
  refunding: 'the money is on its way back',
  refunded: 'the money is back',
};

/** Decides again if another process changes the order meanwhile. The order is due at once. */
async function settle(
  { ledger, orderId, nowMs }: SettleOptions,
  changeOf: (order: Order) => Omit<OrderChange, 'dueAtMs' | 'atMs'>,
): Promise<Order> {
  let order = await ledger.order(orderId);
  for (;;) {
    if (!order) throw new UnknownOrderError(orderId);
    const change = changeOf(order);
    try {
      // The clock of this process may be ahead of that of the booking processes.
      return await ledger.change(order, { ...change, dueAtMs: order.changedAtMs, atMs: nowMs() });
    } catch (error) {
      if (!(error instanceof OrderChangedError)) throw error;
      order = error.current;
    }
  }
}
