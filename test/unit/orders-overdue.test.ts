import { expect, test } from 'vitest';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { dayMs, startOrders } from '../support/start-orders.ts';

test('[R761] at the end of the time to pay the provider is queried; not paid: the payment is ended, then the seats are free', async () => {
  const { pass, state, seat, asked, bank, reference } = await startOrders(new MemoryLedger());
  await pass(599_000);
  expect(await state()).toBe('paying');
  await pass(12_000);
  expect(await state()).toBe('lapsed');
  expect(asked.at(-1)).toBe('expire');
  expect((await seat())?.status).toBe(0);
  expect((await bank.pay(reference, '4242424242424242')).state).toBe('cancelled');
});

test('[R761] while the provider does not reply, the seats stay held; then the order is issued', async () => {
  const { pass, state, seat, silence, bank, reference } = await startOrders(new MemoryLedger());
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

test('[R760] an order whose payment stays unknown for a day needs a person, with the reason, and still holds the seat until its hold ends', async () => {
  const { pass, order, silence } = await startOrders(new MemoryLedger());
  silence(true);
  await pass(dayMs + 700_000, 30_000);
  expect(await order()).toMatchObject({ state: 'needs_person', reason: 'no reply', dueAtMs: undefined });
});

test('[G11] [R765] paid after the hold had ended: the seats are held again if they are free, otherwise the money is returned', async () => {
  for (const isTaken of [false, true]) {
    const { orders, bank, reference, decide, state, order, seat } = await startOrders(new MemoryLedger());
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
  const ledger = new MemoryLedger();
  const { pass, state, order, orders, bank, reference } = await startOrders(ledger);
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
  await pass(dayMs - 60_000, 30_000);
  expect(await state()).toBe('refunding');
  await pass(120_000, 30_000);
  expect(await order(), '[R1097]').toMatchObject({
    state: 'needs_person',
    reason: 'The provider replies, but the payment does not change',
    dueAtMs: undefined,
  });
});
