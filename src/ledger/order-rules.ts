import { ok as assert } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { OrderState } from '../protocol/order-state.ts';
import type { NewOrder, Order, Ticket } from './order.ts';

/** The order as it begins. Asserts that its seats and prices are in order: both come from our own code. */
export function openOrder({ seats, createdAtMs, ...order }: NewOrder): Order {
  assert(seats.length > 0, 'an order must have seats');
  assert(new Set(seats.map(({ seatId }) => seatId)).size === seats.length, 'an order must have no seat twice');
  const isPrice = (price: number) => Number.isSafeInteger(price) && price >= 0;
  assert(
    seats.every(({ priceMinor }) => isPrice(priceMinor)),
    'a price must be a whole number of minor units',
  );
  return {
    ...order,
    seats,
    state: 'open',
    version: 1,
    amountMinor: seats.reduce((sum, { priceMinor }) => sum + priceMinor, 0),
    reason: undefined,
    stuckIn: undefined,
    createdAtMs,
    changedAtMs: createdAtMs,
    payments: [],
    tickets: [],
  };
}

/** `stuckIn` of an order after a change to `state`. It stays when a person gives the money back: see `OrderSteps`. */
export function stuckInAfter({ state: before, stuckIn }: Order, state: OrderState): OrderState | undefined {
  if (state === before) return stuckIn;
  if (state === 'needs_person') return before;
  return before === 'needs_person' && state !== 'refunding' ? undefined : stuckIn;
}

/** Asserts that an order that is changed to `issued` has its tickets already: `issue` makes them. */
export function requireTickets(order: Order, state: OrderState): void {
  if (state !== 'issued' || order.state === 'issued') return;
  requireTicketPerSeat(
    order,
    order.tickets.filter(({ voidedAtMs }) => voidedAtMs === undefined),
  );
}

export function requireTicketPerSeat(order: Order, tickets: readonly Pick<Ticket, 'id' | 'seatId'>[]): void {
  const seatIds = tickets.map(({ seatId }) => seatId).sort();
  const wanted = order.seats.map(({ seatId }) => seatId).sort();
  assert(isDeepStrictEqual(seatIds, wanted), 'an order must be issued with one ticket for each of its seats');
}

/** Asserts that a repeated creation has the content of the first: an id names one order. */
export function requireSameContent(known: Order, created: Order): void {
  const given = ({ show, userId, currency, seats }: Order) => ({ show, userId, currency, seats });
  assert(isDeepStrictEqual(given(known), given(created)), `order ${known.id} must not be created with other content`);
}
