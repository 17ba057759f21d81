import { expect, test } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { OrderService } from '../../src/orders/order-service.ts';
import { PaymentOutcomeUnknownError, type PaymentProvider } from '../../src/orders/payment-provider.ts';
import { Payments } from '../../src/orders/payments.ts';
import { SandboxPayments } from '../../src/orders/sandbox/sandbox-payments.ts';
import { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore } from '../../src/orders/sandbox/sandbox-store.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { SeatCommand } from '../../src/store/seat-store.ts';
import { silent } from '../support/silent.ts';

const dayMs = 86_400_000;
const checkout = {
  show: 'gala',
  userId: 'alice',
  currency: 'EUR',
  seats: [{ seatId: 'A1', ticketType: 'adult', priceMinor: 4_500 }],
};

/** Checkout of one show in memory, at a time that only the test moves. */
async function startOrders() {
  const time = { nowMs: 1_700_000_000_000 };
  const nowMs = () => time.nowMs;
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 1, cols: 3 }),
    holdTtlMs: 30_000,
    maxHoldsPerUser: 3,
    nowMs,
  });
  const position = await store.open();
  const decide = async (command: SeatCommand) => {
    const { answers } = await store.decide([command], position);
    return answers[0] as NonNullable<(typeof answers)[0]>;
  };
  const bank = new SandboxPayments({ store: new MemorySandboxStore(), nowMs });
  const sandbox = new SandboxProvider({
    payments: bank,
    secret: 's',
    hostNowMs: nowMs,
    payUrlOf: (reference) => reference,
  });
  let isSilent = false;
  const asked: string[] = [];
  const ask = <T>(what: string, call: () => Promise<T>): Promise<T> => {
    asked.push(what);
    return isSilent ? Promise.reject(new PaymentOutcomeUnknownError('no reply')) : call();
  };
  const provider: PaymentProvider = {
    name: sandbox.name,
    can: sandbox.can,
    begin: (request) => ask('begin', () => sandbox.begin(request)),
    inquire: (reference) => ask('inquire', () => sandbox.inquire(reference)),
    expire: (request) => ask('expire', () => sandbox.expire(request)),
    capture: (request) => ask('capture', () => sandbox.capture(request)),
    cancel: (request) => ask('cancel', () => sandbox.cancel(request)),
    refund: (request) => ask('refund', () => sandbox.refund(request)),
    readWebhook: (raw, headers) => sandbox.readWebhook(raw, headers),
  };
  const ledger = new MemoryLedger();
  const orders = new OrderService({
    ledger,
    payments: new Payments([provider]),
    seatsOf: () => ({ commandOfOrder: decide }),
    logger: silent,
    nowMs,
    paymentMs: 600_000,
  });
  await decide({ action: 'select', seatIds: ['A1'], userId: 'alice' });
  const { order, payUrl = '' } = await orders.create(checkout);
  return {
    ledger,
    orders,
    bank,
    decide,
    asked,
    reference: payUrl,
    state: async () => (await ledger.order(order.id))?.state,
    order: () => ledger.order(order.id),
    seat: async () => (await store.open()).seats[0],
    silence: (value: boolean) => {
      isSilent = value;
    },
    /** Time passes, in steps of the reconciler. */
    async pass(ms: number, stepMs = 10_000) {
      for (const endMs = time.nowMs + ms; time.nowMs < endMs; ) {
        time.nowMs = Math.min(endMs, time.nowMs + stepMs);
        await orders.reconcile();
      }
    },
  };
}

test('[R761] at the end of the time to pay the provider is asked; not paid: the payment is ended, then the seats are free', async () => {
  const { pass, state, seat, asked, bank, reference } = await startOrders();
  await pass(599_000);
  expect(await state()).toBe('paying');
  await pass(12_000);
  expect(await state()).toBe('lapsed');
  expect(asked.at(-1)).toBe('expire');
  expect((await seat())?.status).toBe(0);
  expect((await bank.pay(reference, '4242424242424242')).state).toBe('cancelled');
});

test('[R761] while the provider does not reply, the seats stay held; then the order is issued', async () => {
  const { pass, state, seat, silence, bank, reference } = await startOrders();
  await pass(590_000);
  await bank.pay(reference, '4242424242424242');
  silence(true);
  await pass(3_600_000);
  expect(await state()).toBe('paying');
  expect(await seat()).toMatchObject({ status: 1, held_by: 'alice' });
  silence(false);
  await pass(20_000);
  expect(await state()).toBe('issued');
  expect(await seat()).toMatchObject({ status: 2, held_by: 'alice' });
});

test('[R760] what stays unknown for a day needs a person, with the reason, and still holds the seat until its hold ends', async () => {
  const { pass, order, silence } = await startOrders();
  silence(true);
  await pass(dayMs + 700_000, 30_000);
  expect(await order()).toMatchObject({ state: 'needs_person', reason: 'no reply', dueAtMs: undefined });
});

test('[G11] [R765] paid after the hold had ended: the seats are held again if they are free, else the money goes back', async () => {
  for (const isTaken of [false, true]) {
    const { orders, bank, reference, decide, state, order, seat } = await startOrders();
    await decide({ action: 'release', seatIds: ['A1'], userId: 'alice' });
    if (isTaken) await decide({ action: 'select', seatIds: ['A1'], userId: 'bob' });
    await bank.pay(reference, '4242424242424242');
    await orders.reconcile();
    expect(await state()).toBe('paying'); // not due yet
    const { id = '' } = (await order()) ?? {};
    const advanced = await orders.advance(id, { mayAsk: true });
    expect(advanced.state).toBe(isTaken ? 'refunded' : 'issued');
    expect((await bank.get(reference)).state).toBe(isTaken ? 'cancelled' : 'captured');
    expect((await seat())?.held_by).toBe(isTaken ? 'bob' : 'alice');
    if (isTaken) expect(advanced.reason).toContain('another user has a seat');
  }
});

test('[G11] [R765] money that arrives after the order has lapsed is returned', async () => {
  const { pass, state, order, orders, ledger, bank, reference } = await startOrders();
  await pass(620_000);
  expect(await state()).toBe('lapsed');
  // A provider that takes money for a payment which it had ended.
  const { id } = (await order()) ?? { id: '' };
  const fact = { kind: 'captured', attempt: 1, atMs: 1_700_000_700_000, totalMinor: 4_500, reference } as const;
  await ledger.recordPayment(id, [fact]);
  expect((await order())?.dueAtMs).toBeDefined();
  const settled = await orders.advance(id);
  expect(settled.state).toBe('refunding'); // the provider shows no such money: nothing more is claimed
  expect((await bank.get(reference)).refundedMinor).toBe(0);
});
