import { describe, expect, it } from 'vitest';
import {
  auditCheckout,
  type CheckoutCheck,
  type CheckoutRecord,
  type OrderRecord,
  type ProviderRecord,
} from '../../bench/audit/checkout-audit.ts';
import type { Seat } from '../../src/protocol/seat.ts';

const seat = (id: string, status: Seat['status'], held_by?: string): [string, Seat] => [
  id,
  { id, row: 0, col: 0, status, seq: 1, ...(held_by && { held_by }) },
];
const paid = { reference: 'p1', capturedMinor: 9_000, refundedMinor: 0 };
const bought: OrderRecord = {
  id: 'o1',
  userId: 'ann',
  state: 'issued',
  reason: undefined,
  amountMinor: 9_000,
  seatIds: ['A1', 'A2'],
  ticketSeatIds: ['A2', 'A1'],
  payments: [{ reference: 'p0', capturedMinor: 0, refundedMinor: 0 }, paid],
};
const returned: OrderRecord = {
  id: 'o2',
  userId: 'bob',
  state: 'refunded',
  reason: 'another user has a seat',
  amountMinor: 4_500,
  seatIds: ['A1'],
  ticketSeatIds: [],
  payments: [{ reference: 'p2', capturedMinor: 4_500, refundedMinor: 4_500 }],
};
const atProvider: ProviderRecord[] = [
  { reference: 'p0', orderId: 'o1', state: 'failed', capturedMinor: 0, refundedMinor: 0 },
  { ...paid, orderId: 'o1', state: 'captured' },
  { reference: 'p2', orderId: 'o2', state: 'captured', capturedMinor: 4_500, refundedMinor: 4_500 },
];
const good: CheckoutRecord = {
  orders: [bought, returned],
  payments: atProvider,
  seats: new Map([seat('A1', 2, 'ann'), seat('A2', 2, 'ann'), seat('A3', 1, 'eve')]),
};

function brokenIn(record: CheckoutRecord): CheckoutCheck[] {
  const broken = new Set<CheckoutCheck>();
  let checked = 0;
  auditCheckout(record, (check, isKept) => {
    checked++;
    if (!isKept) broken.add(check);
  });
  expect(checked).toBeGreaterThan(5);
  return [...broken].sort();
}

const withOrder = (changes: Partial<OrderRecord>): CheckoutRecord => ({
  ...good,
  orders: [{ ...bought, ...changes }, returned],
});
const withPayment = (changes: Partial<ProviderRecord>): CheckoutRecord => ({
  ...good,
  payments: atProvider.map((each) => (each.reference === 'p1' ? { ...each, ...changes } : each)),
});
const withSeat = (...entry: [string, Seat]): CheckoutRecord => ({ ...good, seats: new Map([...good.seats, entry]) });
const stuck: OrderRecord = { ...returned, id: 'o3', state: 'needs_person', reason: 'why', payments: [], seatIds: [] };

describe('[R896] [G11] [G12] the audit of checkout', () => {
  it('finds nothing without violations, even if the provider cannot be queried', () => {
    expect(brokenIn(good)).toEqual([]);
    expect(brokenIn({ ...good, payments: undefined })).toEqual([]);
    expect(brokenIn({ ...good, orders: [...good.orders, stuck] })).toEqual([]);
  });

  it.each([
    ['an order that has not ended', withOrder({ state: 'booking', ticketSeatIds: ['A1', 'A2'] }), ['orders']],
    ['a person without a reason', { ...good, orders: [...good.orders, { ...stuck, reason: undefined }] }, ['orders']],
    ['a ticket too few', withOrder({ ticketSeatIds: ['A1'] }), ['orders', 'tickets']],
    ['a ticket of an order that was refunded', withOrder({ state: 'refunded' }), ['orders']],
    ['money without tickets', withOrder({ state: 'lapsed', ticketSeatIds: [] }), ['money', 'tickets']],
    ['tickets without money', withOrder({ payments: [] }), ['money']],
    ['a second charge', withPayment({ reference: 'p9' }), ['money']],
    ['a capture that the ledger does not know', withPayment({ capturedMinor: 18_000 }), ['money']],
    ['money that stays reserved', withPayment({ state: 'authorised' }), ['money']],
    ['a payment of no order', withPayment({ orderId: 'o7' }), ['money']],
    ['a ticket whose seat is free', withSeat(...seat('A1', 0)), ['tickets']],
    ['a ticket whose seat another user has', withSeat(...seat('A1', 2, 'eve')), ['tickets']],
    ['a booked seat without a ticket', withSeat(...seat('A3', 2, 'eve')), ['tickets']],
    [
      'two tickets for a seat',
      { ...good, orders: [...good.orders, { ...bought, id: 'o4', payments: [], amountMinor: 0 }] },
      ['tickets'],
    ],
  ] satisfies [string, CheckoutRecord, CheckoutCheck[]][])('finds %s', (_what, record, checks) => {
    expect(brokenIn(record)).toEqual(checks);
  });
});
