import { describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { SeatInOrderError, UnknownOrderError } from '../../src/ledger/ledger-errors.ts';
import type { Order } from '../../src/ledger/order.ts';
import { refundOrder, retryOrder } from '../../src/orders/settle-order.ts';
import { dayMs, startOrders } from '../support/start-orders.ts';
import { newShow } from './ledger.contract.ts';

const approved = '4242424242424242';
const hourMs = 3_600_000;

async function startFor(ledger: Ledger) {
  const shop = await startOrders(ledger, newShow());
  const options = { ledger, orderId: shop.orderId, nowMs: shop.nowMs };
  return {
    ...shop,
    ledger,
    retry: () => retryOrder(options),
    refund: () => refundOrder(options),
    /** The reconciler performs due steps. */
    settle: () => shop.pass(20_000),
    /** The time to pay in steps of a minute, then a day in steps of an hour. */
    async untilStuck() {
      await shop.pass(1_200_000, 60_000);
      await shop.pass(dayMs, hourMs);
    },
    money: async () => {
      const { capturedMinor, refundedMinor, state } = await shop.bank.get(shop.reference);
      return { state, keptMinor: capturedMinor - refundedMinor };
    },
    tickets: async () => ((await shop.order())?.tickets ?? []).map(({ voidedAtMs }) => voidedAtMs === undefined),
  };
}

/** The actions of a person on an order, over any ledger. Each order ends settled: the tests share a ledger. */
export function settleContract(ledgerOf: () => Ledger): void {
  const start = () => startFor(ledgerOf());
  retryContract(start);
  refundContract(start);
  refusalContract(start);
}

type Start = () => ReturnType<typeof startFor>;

function retryContract(start: Start): void {
  describe('[R916] retry continues from the state in which the order was stuck', () => {
    test('paying: the provider is queried again, and the order is issued', async () => {
      const { silence, untilStuck, order, bank, reference, retry, settle, state, seat, money, tickets } = await start();
      await bank.pay(reference, approved);
      silence(true);
      await untilStuck();
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'paying', reason: 'no reply' });
      silence(false);
      expect(await retry()).toMatchObject({ state: 'paying', stuckIn: undefined });
      await settle();
      expect(await state()).toBe('issued');
      expect(await seat()).toMatchObject({ status: 2, held_by: 'alice' });
      expect(await money()).toEqual({ state: 'captured', keptMinor: 4_500 });
      expect(await tickets()).toEqual([true]);
    });

    test('paying, and the provider still does not reply: it needs a person again a day later', async () => {
      const { silence, untilStuck, order, retry, refund, settle, state } = await start();
      silence(true);
      await untilStuck();
      await retry();
      await settle();
      expect(await state()).toBe('paying');
      await untilStuck();
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'paying' });
      silence(false);
      await refund();
      await settle();
      expect(await state()).toBe('refunded');
    });

    test('booking: a sale whose reply was lost is recognised', async () => {
      const { loseReplies, untilStuck, order, bank, reference, retry, settle, state, tickets, orders, orderId } =
        await start();
      await bank.pay(reference, approved);
      loseReplies(true);
      await orders.advance(orderId, { mayAsk: true }).catch(() => {});
      await untilStuck();
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'booking', tickets: [] });
      loseReplies(false);
      await retry();
      await settle();
      expect(await state()).toBe('issued');
      expect(await tickets()).toEqual([true]);
    });

    test('issued: the money is collected, with the same tickets', async () => {
      const { silence, untilStuck, order, bank, reference, retry, settle, state, money, orders, orderId } =
        await start();
      await bank.pay(reference, approved);
      const { capture } = bank;
      bank.capture = () => Promise.reject(new Error('no reply'));
      await orders.advance(orderId, { mayAsk: true }).catch(() => {});
      silence(true);
      await untilStuck();
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'issued' });
      const ids = (await order())?.tickets.map(({ id }) => id);
      expect(ids).toHaveLength(1);
      silence(false);
      bank.capture = capture;
      await retry();
      await settle();
      expect(await state()).toBe('issued');
      expect((await order())?.tickets.map(({ id }) => id)).toEqual(ids);
      expect(await money()).toEqual({ state: 'captured', keptMinor: 4_500 });
    });

    test('refunding: the money is returned, and a seat that the user holds again meanwhile stays held', async () => {
      const { untilStuck, order, orders, orderId, bank, reference, retry, settle, state, money, silence, buy, seat } =
        await start();
      await bank.pay(reference, approved);
      const { cancel } = bank;
      bank.cancel = () => Promise.reject(new Error('no reply'));
      await orders.cancel(orderId);
      silence(true);
      await untilStuck();
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'refunding', tickets: [] });
      silence(false);
      bank.cancel = cancel;
      const again = await buy('alice');
      await retry();
      await settle();
      expect(await state()).toBe('refunded');
      expect(await money()).toEqual({ state: 'cancelled', keptMinor: 0 });
      expect(await seat()).toMatchObject({ status: 1, held_by: 'alice' });
      await orders.cancel(again.order.id);
    });

    test('is refused while the user has another unfinished order for the seat', async () => {
      const { silence, untilStuck, retry, refund, settle, buy, state, orders } = await start();
      silence(true);
      await untilStuck();
      silence(false);
      const again = await buy('alice');
      await expect(retry()).rejects.toThrow(SeatInOrderError);
      expect(await state()).toBe('needs_person');
      await refund();
      await settle();
      expect(await state()).toBe('refunded');
      await orders.cancel(again.order.id);
    });
  });
}

function refundContract(start: Start): void {
  describe('[G11] [R917] refund returns the money, voids the tickets and frees the seats', () => {
    test('of an order that is issued: the seat can be sold again', async () => {
      const { orders, orderId, bank, reference, refund, settle, order, tickets, money, seat, buy } = await start();
      await bank.pay(reference, approved);
      await orders.advance(orderId, { mayAsk: true });
      await settle();
      expect(await refund()).toMatchObject({ state: 'refunding' });
      expect(await tickets()).toEqual([false]);
      await settle();
      expect(await order()).toMatchObject({ state: 'refunded', reason: 'The organiser has returned the money' });
      expect(await money()).toEqual({ state: 'captured', keptMinor: 0 });
      expect((await seat())?.status).toBe(0);
      const next = await buy('bob');
      expect(next.order.state).toBe('paying');
      await orders.cancel(next.order.id);
    });

    test('of one whose seats were booked when it got stuck, without tickets', async () => {
      const { loseReplies, untilStuck, bank, reference, refund, settle, state, money, seat, orders, orderId } =
        await start();
      await bank.pay(reference, approved);
      loseReplies(true);
      await orders.advance(orderId, { mayAsk: true }).catch(() => {});
      await untilStuck();
      expect((await seat())?.status).toBe(2);
      loseReplies(false);
      await refund();
      await settle();
      expect(await state()).toBe('refunded');
      expect(await money()).toEqual({ state: 'cancelled', keptMinor: 0 });
      expect((await seat())?.status).toBe(0);
    });

    test('of one whose payment is unknown: the provider is queried first', async () => {
      const { silence, untilStuck, bank, reference, refund, settle, state, money } = await start();
      silence(true);
      await bank.pay(reference, approved);
      await untilStuck();
      await refund();
      await settle();
      expect(await state()).toBe('refunding');
      silence(false);
      await settle();
      expect(await state()).toBe('refunded');
      expect(await money()).toEqual({ state: 'cancelled', keptMinor: 0 });
    });

    test('of one that was paid another amount, which no retry settles', async () => {
      const { orders, orderId, ledger, bank, reference, retry, refund, settle, order, state, nowMs } = await start();
      await bank.pay(reference, approved);
      const captured = { kind: 'captured', attempt: 1, atMs: nowMs(), totalMinor: 4_499, reference } as const;
      await ledger.recordPayment(orderId, [captured]);
      await orders.advance(orderId);
      expect(await order()).toMatchObject({ state: 'needs_person', stuckIn: 'issued', reason: 'Paid 4499 of 4500' });
      await retry();
      await settle();
      expect(await order()).toMatchObject({ state: 'needs_person', reason: 'Paid 4499 of 4500' });
      await bank.capture(reference);
      await refund();
      await settle();
      expect(await state()).toBe('refunded');
    });
  });
}

function refusalContract(start: Start): void {
  test('[R918] an order that is not stuck, not paid or in progress is not changed, and the error has the reason', async () => {
    const { orders, orderId, ledger, bank, reference, retry, refund, settle, state, nowMs } = await start();
    await expect(retry()).rejects.toThrow('it is paying: only needs_person can be retried');
    await expect(refund()).rejects.toThrow('it is paying: it is still being settled');
    expect(await state()).toBe('paying');
    await orders.cancel(orderId);
    await expect(refund()).rejects.toThrow('it is cancelled: nothing is paid');
    const unknown = { ledger, orderId: 'nobody', nowMs };
    await expect(refundOrder(unknown)).rejects.toThrow(UnknownOrderError);
    await expect(retryOrder(unknown)).rejects.toThrow(UnknownOrderError);

    const other = await start();
    await other.bank.pay(other.reference, approved);
    await other.orders.advance(other.orderId, { mayAsk: true });
    await other.settle();
    await other.refund();
    await expect(other.refund()).rejects.toThrow('it is refunding: the money is on its way back');
    await other.settle();
    await expect(other.refund()).rejects.toThrow('it is refunded: the money is back');
    await settle();
    expect(await bank.get(reference)).toMatchObject({ state: 'cancelled' });
  });

  test('[R918] a decision on an order that has changed meanwhile is repeated on its new version', async () => {
    const { orders, orderId, ledger, bank, reference, settle, state, nowMs } = await start();
    await bank.pay(reference, approved);
    await orders.advance(orderId, { mayAsk: true });
    await settle();
    const stale = (await ledger.order(orderId)) as Order;
    await ledger.recordPayment(orderId, [{ kind: 'captured', attempt: 1, atMs: nowMs() - 1, totalMinor: 4_500 }]);
    const reads = { order: async () => stale, change: ledger.change.bind(ledger) };
    expect(await refundOrder({ ledger: reads, orderId, nowMs })).toMatchObject({ state: 'refunding' });
    await settle();
    expect(await state()).toBe('refunded');
  });
}
