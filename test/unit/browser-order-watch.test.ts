import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OrderWatch, paceMs } from '../../src/browser/order/order-watch.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import { anOrder } from '../support/an-order.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> } | Error;

/** Each request waits for a reply of the test. */
function startWatch({ msLeft = 600_000 } = {}) {
  const waiting: ((answer: Answer) => void)[] = [];
  const paths: string[] = [];
  const seen: string[] = [];
  let isHidden = false;
  const watch = new OrderWatch({
    id: 'order-1',
    fetch: (path) =>
      new Promise((resolve, reject) => {
        paths.push(String(path));
        waiting.push((answer) => {
          if (answer instanceof Error) return reject(answer);
          const { status = 200, body = anOrder(), headers = {} } = answer;
          return resolve(new Response(JSON.stringify(body), { status, headers }));
        });
      }),
    monotonicMs: () => performance.now(),
    isHidden: () => isHidden,
    msLeft: () => msLeft,
    onOrder: ({ state }) => seen.push(state),
    onTrouble: ({ error }) => seen.push(`trouble: ${error.message}`),
    onUnknown: () => seen.push('unknown'),
  });
  return {
    watch,
    seen,
    paths,
    /** Replies to the waiting request. */
    answer: async (answer: Answer) => {
      const next = waiting.shift();
      if (!next) throw new Error('No request waits');
      next(answer);
      await vi.advanceTimersByTimeAsync(0);
    },
    order: (state: OrderReply['state']) => ({ body: anOrder({ state }) }),
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    hide: (value: boolean) => {
      isHidden = value;
    },
  };
}

const refused = (status: number, code: string, message = 'no', retryable = false) => ({
  status,
  body: { success: false, error: { code, message, retryable } },
});

describe('[R861] the page of an order reads it again as long as it can change', () => {
  test('one read at a time, and the next one second later', async () => {
    const { watch, seen, paths, answer, order, pass } = startWatch();
    watch.refresh();
    await pass(5_000);
    expect(paths).toEqual(['/api/orders/order-1']);
    await answer(order('paying'));
    await pass(999);
    expect(paths).toHaveLength(1);
    await pass(1);
    expect(paths).toHaveLength(2);
    await answer(order('issued'));
    expect(seen).toEqual(['paying', 'issued']);
  });

  test('a read that was under way when something changed is read again: it may be from before', async () => {
    const { watch, seen, answer, order, paths } = startWatch();
    watch.refresh();
    watch.take(anOrder({ state: 'cancelled' }), 10);
    await answer(order('paying'));
    expect(seen, 'the older state is not shown').toEqual(['cancelled']);
    expect(paths).toHaveLength(2);
    await answer(order('cancelled'));
    expect(seen).toEqual(['cancelled', 'cancelled']);
  });

  test('a hidden page reads nothing until it is seen again', async () => {
    const { watch, answer, order, pass, paths, hide } = startWatch();
    watch.refresh();
    await answer(order('paying'));
    hide(true);
    await pass(60_000);
    expect(paths).toHaveLength(1);
    hide(false);
    watch.refresh();
    expect(paths).toHaveLength(2);
  });

  test('trouble is reported and overcome: no reply, a proxy, a 503 with its Retry-After', async () => {
    const { watch, seen, answer, order, pass, paths } = startWatch();
    watch.refresh();
    await answer(new TypeError('Failed to fetch'));
    await pass(2_500);
    await answer({ status: 502, body: 'Bad gateway' });
    await pass(5_000);
    await answer({ ...refused(503, 'STORE_UNAVAILABLE', 'away', true), headers: { 'retry-after': '20' } });
    await pass(19_999);
    expect(paths).toHaveLength(3);
    await pass(5_001);
    await answer(order('issued'));
    expect(seen).toEqual([
      'trouble: The server cannot be reached',
      'trouble: The server replied 502',
      'trouble: away',
      'issued',
    ]);
  });

  test.each([
    [404, 'UNKNOWN_ORDER'],
    [404, 'NOT_FOUND'],
    [400, 'INVALID_REQUEST'],
    [401, 'UNAUTHENTICATED'],
    [403, 'FORBIDDEN'],
  ])('%i %s: this user has no such order, and nothing is read any more', async (status, code) => {
    const { watch, seen, answer, pass, paths } = startWatch();
    watch.refresh();
    await answer(refused(status, code));
    await pass(120_000);
    expect(seen).toEqual(['unknown']);
    expect(paths).toHaveLength(1);
  });

  test('reads become rarer while it is not paid, and follow the end of the time to pay at once', () => {
    const paces = (state: OrderReply['state'], msLeft = 600_000) =>
      [1, 20, 40].map((n) => paceMs({ state }, msLeft, n));
    expect(paces('paying')).toEqual([1_000, 3_000, 10_000]);
    expect(paces('paying', 500)).toEqual([750, 750, 750]);
    expect(paces('paying', 0)).toEqual([1_000, 1_000, 5_000]);
    expect(paces('booking')).toEqual([1_000, 1_000, 5_000]);
    for (const state of ['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person'] as const) {
      expect(paces(state)).toEqual([30_000, 30_000, 30_000]);
    }
  });
});
