import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { registerOrderMetrics } from '../../src/orders/order-metrics.ts';

const show = 'gala';
const atMs = 1_700_000_000_000;

function startMetrics(ledger: Pick<Ledger, 'totals' | 'paymentTotals'>) {
  const registry = new Registry();
  const time = { nowMs: 0 };
  registerOrderMetrics(registry, ledger, () => time.nowMs);
  return {
    time,
    registry,
    lines: async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('booking_')),
  };
}

async function ledgerWithOrders() {
  const ledger = new MemoryLedger();
  const create = (id: string) => {
    const seats = [{ seatId: id, ticketType: 'adult', priceMinor: 4500 }];
    const order = { id, show, userId: id, currency: 'EUR', seats, payUntilMs: atMs, dueAtMs: atMs, createdAtMs: atMs };
    return ledger.createOrder(order);
  };
  await create('A1');
  const stuck = await create('A2');
  await ledger.change(stuck, { state: 'needs_person', dueAtMs: undefined, reason: 'why', atMs });
  const begun = { kind: 'begun', attempt: 1, atMs, provider: 'sandbox', amountMinor: 4500 } as const;
  await ledger.recordPayment(stuck.id, [begun, { kind: 'failed', attempt: 1, atMs, failure: 'declined' }]);
  return { ledger, create };
}

test('[R914] orders are counted by state, with a zero for each other state, and payments by outcome', async () => {
  const { ledger } = await ledgerWithOrders();
  const { lines, registry } = startMetrics(ledger);
  expect(await lines()).toEqual([
    'booking_orders{state="open"} 1',
    'booking_orders{state="paying"} 0',
    'booking_orders{state="authorised"} 0',
    'booking_orders{state="booking"} 0',
    'booking_orders{state="issued"} 0',
    'booking_orders{state="lapsing"} 0',
    'booking_orders{state="lapsed"} 0',
    'booking_orders{state="cancelling"} 0',
    'booking_orders{state="cancelled"} 0',
    'booking_orders{state="refunding"} 0',
    'booking_orders{state="refunded"} 0',
    'booking_orders{state="needs_person"} 1',
    'booking_payments{provider="sandbox",outcome="failed"} 1',
  ]);
  for (const { name, help } of registry.getMetricsAsArray()) {
    expect(help, `[R443] ${name}`).toMatch(/^Number of (\S+ ){3,}.*\.$/);
  }
});

test('[R914] any number of scrapes reads the ledger once in 5 s', async () => {
  const { ledger, create } = await ledgerWithOrders();
  const { lines, time } = startMetrics(ledger);
  await lines();
  await create('A3');
  time.nowMs = 4_999;
  expect(await lines()).toContain('booking_orders{state="open"} 1');
  time.nowMs = 5_000;
  expect(await lines()).toContain('booking_orders{state="open"} 2');
});

test('[R914] while the ledger is unavailable there is no number, and the other metrics are there', async () => {
  const { ledger } = await ledgerWithOrders();
  let isAway = false;
  const read = <T>(call: () => Promise<T>) => (isAway ? Promise.reject(new LedgerUnavailableError('down')) : call());
  const { lines, time, registry } = startMetrics({
    totals: () => read(() => ledger.totals()),
    paymentTotals: () => read(() => ledger.paymentTotals()),
  });
  expect(await lines()).toHaveLength(13);
  isAway = true;
  time.nowMs = 5_000;
  expect(await lines()).toEqual([]);
  expect(await registry.metrics()).toContain('# TYPE booking_orders gauge');
});
