import { auditCheckout, type CheckoutRecord } from '../../bench/audit/checkout-audit.ts';
import type { OrderReply } from '../../src/protocol/order.ts';

/** The findings of the audit of checkout. */
export function checkoutProblems(record: CheckoutRecord): string[] {
  const problems: string[] = [];
  auditCheckout(record, (check, isKept, inWords) => {
    if (!isKept) problems.push(`${check}: ${inWords()}`);
  });
  return problems;
}

/** The orders that their users saw as issued, and that are not issued with a ticket for each seat. */
export function lostOrders(issued: readonly OrderReply[], { orders }: CheckoutRecord): string[] {
  const ticketsOf = new Map(
    orders.map(({ id, state, ticketSeatIds }) => [id, state === 'issued' ? ticketSeatIds : []]),
  );
  const isLost = ({ id, seats }: OrderReply) => !seats.every((seat) => ticketsOf.get(id)?.includes(seat.id));
  return issued.filter(isLost).map(({ id }) => id);
}
