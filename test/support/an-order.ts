import type { OrderReply } from '../../src/protocol/order.ts';

/** An order of A1 and A2 for 90.00 EUR, as the API has it. */
export const anOrder = (changes: Partial<OrderReply> = {}): OrderReply => ({
  id: 'order-1',
  show: 'gala',
  show_name: 'Gala',
  state: 'paying',
  amount: 9_000,
  currency: 'EUR',
  seats: ['A1', 'A2'].map((id, nth) => ({ id, name: `Row A, seat ${nth + 1}`, ticket_type: 'adult', price: 4_500 })),
  pay_url: '/sandbox/sb_1',
  pay_until: 1_700_000_600,
  server_time: 1_700_000_000,
  ...changes,
});
