import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OwnOrders } from '../../src/browser/checkout/own-orders.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { anOrder } from '../support/an-order.ts';
import { held as occupied, serverTime, startSeatActions } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const holdMs = 30_000;
const place = (id: string) => ({ id, row: 0, col: Number(id.slice(1)) - 1, seq: 1, held_by: 'alice' });
const held = (id: string, leftMs = 20_000) => ({ seat: { ...place(id), status: 1 } as Seat, leftMs });
const booked = (id: string) => ({ seat: { ...place(id), status: 2 } as Seat, leftMs: 0 });

/** `orders`: what the server replies from now on. */
function start(...orders: OrderReply[]) {
  const run = { orders, status: 200, reads: 0 };
  const own = new OwnOrders({
    show: 'gala',
    fetch: async () => {
      run.reads++;
      const body =
        run.status === 200
          ? { orders: run.orders }
          : { success: false, error: { code: 'STORE_UNAVAILABLE', message: 'away', retryable: true } };
      return new Response(JSON.stringify(body), { status: run.status });
    },
    headers: () => ({}),
    onChange: () => {},
  });
  const explain = async (...seats: ReturnType<typeof held>[]) => {
    own.explain('alice', seats, holdMs);
    await vi.advanceTimersByTimeAsync(0);
  };
  return Object.assign(run, { own, explain });
}

describe('[R864] seats of an unfinished order are distinguished from other holds', () => {
  test('a user without seats reads no orders, nor does a user who picks seats', async () => {
    const run = start();
    await run.explain();
    await run.explain(held('A1', 29_900));
    await run.explain(held('A1'), held('A2', 29_900));
    expect(run.reads).toBe(0);
  });

  test('a page that opens with seats reads them, once', async () => {
    const run = start(anOrder());
    await run.explain(held('A1', 500_000), held('A2', 500_000), held('A3'));
    await run.explain(held('A1', 499_000), held('A2', 499_000), held('A3'));
    expect(run.reads).toBe(1);
    expect(['A1', 'A2', 'A3'].map((id) => run.own.orderOf(id)?.id)).toEqual(['order-1', 'order-1', undefined]);
  });

  test('a hold that lasts longer than holds do was checked out in another tab', async () => {
    const run = start(anOrder());
    await run.explain();
    await run.explain(held('A1'), held('A2'));
    await run.explain(held('A1', 600_000), held('A2', 600_000));
    expect(run.own.orderOf('A1')?.id).toBe('order-1');
  });

  test('an order that ends elsewhere is read again, until the ledger shows the end as well', async () => {
    const run = start(anOrder());
    await run.explain(held('A1', 500_000), held('A2', 500_000));
    await run.explain();
    expect([run.reads, run.own.shown.length]).toEqual([2, 1]);
    run.orders = [anOrder({ state: 'cancelled' })];
    await run.explain();
    await vi.advanceTimersByTimeAsync(3_000);
    expect([run.reads, run.own.shown.length]).toEqual([3, 0]);
    await run.explain();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run.reads).toBe(3);
  });

  test('booked seats lead to their tickets; for seats booked without an order, orders are read once', async () => {
    const run = start(anOrder({ state: 'issued' }));
    await run.explain(booked('A1'), booked('A2'), booked('A9'));
    await run.explain(booked('A1'), booked('A2'), booked('A9'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(run.own.shown.map(({ state }) => state)).toEqual(['issued']);
    expect(run.own.orderOf('A1'), 'nothing is left to pay').toBeUndefined();
    expect(run.reads).toBe(2);
  });

  test('without the ledger it is read again later', async () => {
    const run = start(anOrder());
    run.status = 503;
    await run.explain(held('A1', 500_000));
    run.status = 200;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(run.own.shown).toHaveLength(1);
  });

  test('on the map the seats of an order are no holds: no countdown, no warning of their end, no offer to keep them', () => {
    const run = startSeatActions({ isOrdered: (seatId) => seatId === 'A1' });
    const settings = { hold_seconds: 30, max_holds: 6, hold_extensions: 10 };
    run.actions.learnSettings(settings, 0);
    run.update(occupied('A1', 1, 'alice', serverTime + 5), occupied('A2', 2, 'alice', serverTime + 25));
    expect(run.heldIds()).toEqual(['A2']);
    run.actions.announceEnds();
    expect(run.reported.join()).not.toContain('A1');
    expect(run.actions.keepableIds).toEqual([]);
  });

  test('another user has other orders', async () => {
    const run = start(anOrder());
    await run.explain(held('A1', 500_000), held('A2', 500_000));
    run.orders = [];
    run.own.explain('bob', [], holdMs);
    expect(run.own.shown).toEqual([]);
  });
});
