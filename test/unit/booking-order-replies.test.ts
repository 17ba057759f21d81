import { expect, test } from 'vitest';
import { OrderReplies } from '../../src/booking/order-replies.ts';
import type { ShowsOnSale } from '../../src/booking/shows-on-sale.ts';
import type { Order } from '../../src/ledger/order.ts';
import type { TicketCodes } from '../../src/orders/ticket-codes.ts';
import { StoreClock } from '../../src/venue/store-clock.ts';

const ticket = (id: string, seatId: string, voidedAtMs?: number) => ({
  ...{ id, seatId, orderId: 'order-1', show: 'gala', issuedAtMs: 1_000 },
  ...(voidedAtMs !== undefined && { voidedAtMs }),
});

test('[R1081] tickets are listed in the order of the seats, without void ones; the time of the server in milliseconds', () => {
  const storeClock = new StoreClock({ nowMs: () => 10.25 });
  storeClock.synchronise(1_700_000_000_123.4);
  const shows = { list: [], default: { service: { storeClock } } } as unknown as ShowsOnSale;
  const replies = new OrderReplies(shows, { codeOf: (id: string) => `code of ${id}` } as TicketCodes);
  const order = {
    ...{ id: 'order-1', show: 'gala', state: 'issued', currency: 'EUR', amountMinor: 9_000, payUntilMs: 2_000 },
    seats: ['B6', 'B7'].map((seatId) => ({ seatId, ticketType: 'adult', priceMinor: 4_500 })),
    payments: [],
    tickets: [ticket('1', 'B7'), ticket('2', 'B6', 1_500), ticket('3', 'B6')],
  } as unknown as Order;
  const reply = replies.of(order);
  expect(reply.tickets?.map(({ seat, code }) => [seat, code])).toEqual([
    ['B6', 'code of 3'],
    ['B7', 'code of 1'],
  ]);
  expect(reply.server_time).toBe(1_700_000_000.123);
});
