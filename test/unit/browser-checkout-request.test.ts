import { describe, expect, test, vi } from 'vitest';
import { CheckoutRequest } from '../../src/browser/checkout/checkout-request.ts';
import type { MessageDetails } from '../../src/browser/message-list.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { anOrder } from '../support/an-order.ts';

function start() {
  const replies: (Response | Error)[] = [];
  const sent: unknown[] = [];
  const reported: string[] = [];
  const details: (MessageDetails | undefined)[] = [];
  const calls = { order: [] as string[], learnt: [] as string[], otherOrder: 0, otherPrices: 0, userRefused: 0 };
  const request = new CheckoutRequest({
    show: 'gala',
    fetch: async (path, init) => {
      sent.push([String(path), JSON.parse(String(init?.body))]);
      const reply = replies.shift() ?? new Error('No reply');
      if (reply instanceof Error) throw reply;
      return reply;
    },
    ticketTypeOf: (seatId) => (seatId === 'A2' ? 'child' : undefined),
    namesOf: (ids) => ids,
    report: (text, tone, more) => {
      reported.push(`${tone}: ${text}`);
      details.push(more);
    },
    onOrder: ({ id }) => calls.order.push(id),
    learn: (seats) => calls.learnt.push(...seats.map(({ id }) => id)),
    onOtherOrder: () => calls.otherOrder++,
    onOtherPrices: () => calls.otherPrices++,
    onUserRefused: () => calls.userRefused++,
    onChange: () => {},
  });
  const refuse = (status: number, code: ErrorCode, retryable = false, seats: Partial<Seat>[] = []) =>
    replies.push(
      new Response(JSON.stringify({ success: false, error: { code, message: 'Because.', retryable }, seats }), {
        status,
      }),
    );
  return { request, replies, sent, reported, details, calls, refuse };
}

describe('[R860] check out', () => {
  test('orders the held seats with their ticket types, one request at a time, and goes to the order', async () => {
    const { request, replies, sent, calls } = start();
    replies.push(new Response(JSON.stringify(anOrder()), { status: 201 }));
    const [first, second] = [request.start(['A1', 'A2']), request.start(['A1', 'A2'])];
    expect(request.isPending).toBe(true);
    await Promise.all([first, second]);
    expect(sent).toEqual([['/api/shows/gala/orders', { seats: [{ id: 'A1' }, { id: 'A2', ticket_type: 'child' }] }]]);
    expect(calls.order).toEqual(['order-1']);
    expect(request.isPending).toBe(false);
  });

  test('a hold that has ended: names the seats, and that nothing was charged', async () => {
    const { request, refuse, reported, calls } = start();
    refuse(409, 'NOT_HOLDER', false, [{ id: 'A2' }]);
    await request.start(['A1', 'A2']);
    expect(reported).toEqual(['error: You no longer hold A2, so nothing was ordered. Nothing was charged.']);
    expect(calls.learnt).toEqual(['A2']);
  });

  test('seats of another order, other prices, another user: each leads on', async () => {
    const { request, refuse, reported, calls } = start();
    refuse(409, 'ORDER_CLOSED');
    await request.start(['A1']);
    refuse(400, 'INVALID_REQUEST');
    await request.start(['A1']);
    refuse(403, 'FORBIDDEN');
    await request.start(['A1']);
    expect(calls).toMatchObject({ otherOrder: 1, otherPrices: 1, userRefused: 1 });
    expect(reported[0]).toContain('Pay or cancel that order first');
  });

  test.each<[string, (run: ReturnType<typeof start>) => void]>([
    ['503', ({ refuse }) => refuse(503, 'STORE_UNAVAILABLE', true)],
    ['a proxy', ({ replies }) => replies.push(new Response('Bad gateway', { status: 502 }))],
    ['no reply', ({ replies }) => replies.push(new Error('lost'))],
  ])('%s: says that nothing was charged and the hold goes on; trying again orders the same', async (_what, fail) => {
    const run = start();
    fail(run);
    await run.request.start(['A1']);
    expect(run.reported[0]).toMatch(/^error: Checkout did not work: .*Nothing was charged, and your hold goes on/);
    run.replies.push(new Response(JSON.stringify(anOrder()), { status: 201 }));
    run.details[0]?.offer?.accept();
    await vi.waitFor(() => expect(run.calls.order).toEqual(['order-1']));
    expect(run.sent[1]).toEqual(run.sent[0]);
  });
});
