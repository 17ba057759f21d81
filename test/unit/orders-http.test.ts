import { expect, test, vi } from 'vitest';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import { present } from '../../src/process/present.ts';
import type { OrderReply } from '../../src/protocol/order.ts';
import { pricedShow, sandboxCheckout } from '../support/checkout.ts';
import { patience } from '../support/patience.ts';
import { type SeveralShows, severalShows, testShow } from '../support/several-shows.ts';

const user_id = 'alice';
const approved = '4242424242424242';
const declined = '4000000000000002';

type Reply<Body> = { status: number; body: Body; headers: Record<string, unknown> };
// biome-ignore lint/suspicious/noExplicitAny: tests match its fields
type AnyBody = any;

async function startShop({ isListening = false } = {}) {
  let origin: string | undefined;
  const checkout = sandboxCheckout({ webhookUrl: () => origin && `${origin}/api/payments/sandbox/webhook` });
  const shop: SeveralShows = await severalShows({
    shows: [testShow('main'), pricedShow('gala')],
    checkout,
    ledger: checkout.ledger,
  });
  if (isListening) origin = await shop.app.listen({ host: '127.0.0.1', port: 0 });
  const call = async <Body = AnyBody>(
    method: 'GET' | 'POST',
    url: string,
    payload?: object | string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<Reply<Body>> => {
    const reply = await shop.app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
    const isJson = String(reply.headers['content-type']).startsWith('application/json');
    return { status: reply.statusCode, body: (isJson ? reply.json() : reply.body) as Body, headers: reply.headers };
  };
  const hold = (...seats: string[]) => shop.post('gala/holds', { seats, user_id });
  const order = (...seats: string[]) =>
    call<OrderReply>('POST', '/api/shows/gala/orders', { seats: seats.map((id) => ({ id })), user_id });
  const pay = (url: string | undefined, card: string) =>
    call('POST', url ?? '', `card=${card}`, { 'content-type': 'application/x-www-form-urlencoded' });
  const read = (id: string, user = user_id) => call<OrderReply>('GET', `/api/orders/${id}?user_id=${user}`);
  const cancel = (id: string) => call<OrderReply>('POST', `/api/orders/${id}/cancel`, { user_id });
  const seat = (id: string) => shop.shows.get('gala').service.view.seat(id);
  const bought = async (...seats: string[]) => {
    await hold(...seats);
    const { body } = await order(...seats);
    await pay(body.pay_url, approved);
    return read(body.id);
  };
  return { ...shop, checkout, call, hold, order, pay, read, cancel, seat, bought };
}

test('[G11] [R770] seats are held, ordered, paid and issued; each ticket has a code that can be verified', async () => {
  const { hold, order, pay, read, call, seat, checkout } = await startShop();
  await hold('A1', 'A2');
  const created = await order('A1', 'A2');
  expect(created).toMatchObject({
    status: 201,
    body: {
      id: expect.stringMatching(/^[\w-]{22}$/),
      state: 'paying',
      amount: 9_000,
      currency: 'EUR',
      seats: [
        { id: 'A1', ticket_type: 'adult', price: 4_500 },
        { id: 'A2', ticket_type: 'adult', price: 4_500 },
      ],
      pay_url: expect.stringMatching(/^\/sandbox\/sb_/),
    },
  });
  const { id, pay_url, pay_until } = created.body;
  expect(pay_until * 1000 - Date.now()).toBeGreaterThan(590_000);
  expect((seat('A1')?.expires_at ?? 0) - pay_until).toBeGreaterThan(55); // the hold outlives the time to pay
  expect((await pay(pay_url, approved)).status).toBe(303);
  const { body } = await read(id);
  expect(body).toMatchObject({ state: 'issued', tickets: [{ seat: 'A1' }, { seat: 'A2' }] });
  expect(seat('A1')).toMatchObject({ status: 2, held_by: user_id });
  const code = body.tickets?.[0]?.code ?? '';
  expect(await call('GET', `/api/tickets/${code}`)).toMatchObject({
    status: 200,
    body: { valid: true, show: 'gala', seat: 'A1' },
  });
  const forged = `${code.slice(0, -2)}${code.endsWith('AA') ? 'BB' : 'AA'}`;
  expect((await call('GET', `/api/tickets/${forged}`)).status).toBe(404);
  const [payment] = (await checkout.ledger.order(id))?.payments ?? [];
  expect(payment).toMatchObject({ capturedMinor: 9_000, refundedMinor: 0 });
});

test('[R770] a signed webhook alone completes an order; a repeated, forged or old one changes nothing', async () => {
  const { hold, order, call, checkout } = await startShop();
  await hold('A1');
  const { body } = await order('A1');
  const paid = await checkout.bank.pay(body.pay_url?.replace('/sandbox/', '') ?? '', approved);
  const { raw, headers } = checkout.provider.webhookOf(paid);
  const send = (message: Buffer, given: Record<string, string>) =>
    call('POST', '/api/payments/sandbox/webhook', message, given);
  const code = ({ body }: Reply<AnyBody>) => body.error?.code;

  expect(code(await send(Buffer.from(`${raw} `), headers))).toBe('UNAUTHENTICATED');
  expect(code(await send(raw, { 'content-type': 'application/json' }))).toBe('UNAUTHENTICATED');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 301_000 });
  const old = checkout.provider.webhookOf(paid);
  vi.useRealTimers();
  expect(code(await send(old.raw, old.headers))).toBe('UNAUTHENTICATED');
  expect((await checkout.ledger.order(body.id))?.state).toBe('paying');

  expect(await send(raw, headers)).toMatchObject({ status: 200, body: { received: true } });
  const issued = await checkout.ledger.order(body.id);
  expect(issued?.state).toBe('issued');
  expect((await send(raw, headers)).status).toBe(200);
  expect(await checkout.ledger.order(body.id)).toEqual(issued);
  expect((await call('POST', '/api/payments/nobody/webhook', raw, headers)).status).toBe(404);
});

test('[R770] prices and seats come from the server: bad orders are refused, each with its code, and change nothing', async () => {
  const { call, hold, order, checkout, post } = await startShop();
  await hold('A1');
  const create = (show: string, seats: object[]) => call('POST', `/api/shows/${show}/orders`, { seats, user_id });
  const outcome = ({ status, body }: Reply<AnyBody>) => `${status} ${body.error?.code}`;
  expect(outcome(await create('gala', [{ id: 'A1' }, { id: 'A2' }]))).toBe('409 NOT_HOLDER');
  expect(outcome(await create('gala', [{ id: 'Z9' }]))).toBe('404 UNKNOWN_SEAT');
  expect(outcome(await create('gala', [{ id: 'A1', ticket_type: 'king' }]))).toBe('400 INVALID_REQUEST');
  expect(outcome(await create('gala', [{ id: 'A1' }, { id: 'A1' }]))).toBe('400 INVALID_REQUEST');
  expect(outcome(await create('gala', [{ id: 'A1', price: 1 }, { id: 'A1' }]))).toBe('400 INVALID_REQUEST');
  expect(outcome(await create('main', [{ id: 'A1' }]))).toBe('400 INVALID_REQUEST');
  expect(outcome(await create('none', [{ id: 'A1' }]))).toBe('404 UNKNOWN_SHOW');
  expect((await checkout.ledger.orders({ limit: 10 })).map(({ state }) => state)).toEqual(['lapsed']);
  const child = await create('gala', [{ id: 'A1', ticket_type: 'child' }]);
  expect(child.body).toMatchObject({ amount: 2_000 });
  // Other seats of this user go into an order of their own; not one that overlaps.
  await hold('A3');
  expect(outcome(await order('A1', 'A3'))).toBe('409 ORDER_CLOSED');
  expect((await order('A3')).status).toBe(201);
  expect(outcome(await post('gala/holds/book', { seats: ['A1'], user_id }))).toBe('402 PAYMENT_REQUIRED');
});

test('[R770] the same order is returned for the same seats, with another payment after a decline', async () => {
  const { hold, order, pay, read, call } = await startShop();
  await hold('A1');
  const first = await order('A1');
  expect((await order('A1')).body).toMatchObject({ id: first.body.id, pay_url: first.body.pay_url });
  await pay(first.body.pay_url, declined);
  const page = await call('GET', first.body.pay_url ?? '');
  expect(page.body).toContain('The card was declined');
  expect((await read(first.body.id)).body).toMatchObject({ state: 'open' });
  const second = await order('A1');
  expect(second.body.id).toBe(first.body.id);
  expect(second.body.pay_url).not.toBe(first.body.pay_url);
  await pay(first.body.pay_url, approved); // the pay page that stayed open takes no money any more
  expect((await read(first.body.id)).body).toMatchObject({ state: 'paying' });
  await pay(second.body.pay_url, approved);
  expect((await read(first.body.id)).body).toMatchObject({ state: 'issued' });
});

test('[R770] an order is cancelled while it is being paid, and its seats are free; not once it is issued', async () => {
  const { hold, order, cancel, seat, call, bought } = await startShop();
  await hold('A1');
  const { body } = await order('A1');
  expect((await cancel(body.id)).body).toMatchObject({ state: 'cancelled' });
  expect(seat('A1')?.status).toBe(0);
  expect((await cancel(body.id)).body).toMatchObject({ state: 'cancelled' });
  expect((await call('GET', body.pay_url ?? '')).body).toContain('This payment has ended');
  const issued = await bought('A2');
  expect(await cancel(issued.body.id)).toMatchObject({ status: 409, body: { error: { code: 'ORDER_CLOSED' } } });
});

test('[R1103] a path with a NUL never reaches the ledger, which could not read it', async () => {
  const { call, checkout } = await startShop();
  const [order, orders] = [vi.spyOn(checkout.ledger, 'order'), vi.spyOn(checkout.ledger, 'orders')];
  for (const path of ['shows/%00/orders', 'shows/gala%00/orders'])
    expect(await call('GET', `/api/${path}?user_id=alice`), path).toMatchObject({ status: 200, body: { orders: [] } });
  for (const path of ['orders/%00', 'orders/a%00b'])
    expect(await call('GET', `/api/${path}?user_id=alice`), path).toMatchObject({
      status: 400,
      body: { error: { code: 'INVALID_REQUEST' } },
    });
  expect(await call('POST', '/api/orders/%00/cancel', { user_id })).toMatchObject({ status: 400 });
  expect(order).not.toHaveBeenCalled();
  expect(orders).not.toHaveBeenCalled();
});

test('[G8] [R770] only its user sees an order or cancels it', async () => {
  const { hold, order, read, call } = await startShop();
  await hold('A1');
  const { id } = (await order('A1')).body;
  expect(await read(id, 'mallory')).toMatchObject({ status: 404, body: { error: { code: 'UNKNOWN_ORDER' } } });
  expect((await call('POST', `/api/orders/${id}/cancel`, { user_id: 'mallory' })).status).toBe(404);
  expect((await read('unknown')).status).toBe(404);
});

test('[G8] [R865] only the user can list these orders of a show, the newest first', async () => {
  const { hold, order, cancel, bought, call } = await startShop();
  await hold('A1', 'A2');
  const first = (await order('A1')).body;
  const second = (await order('A2')).body;
  await cancel(first.id);
  await bought('A3');
  const list = (user: string, show = 'gala') => call('GET', `/api/shows/${show}/orders?user_id=${user}`);
  const { body, headers } = await list(user_id);
  expect(body.orders.map(({ state }: OrderReply) => state).sort()).toEqual(['cancelled', 'issued', 'paying']);
  expect(body.orders.map(({ id }: OrderReply) => id)).toEqual(expect.arrayContaining([first.id, second.id]));
  expect(headers['cache-control']).toBe('no-store');
  expect((await list('mallory')).body).toEqual({ orders: [] });
  expect((await list(user_id, 'main')).body).toEqual({ orders: [] });
});

test('[R865] an order has names for people and the time of the server; a failed payment has a reason, while another can be begun', async () => {
  const { hold, order, pay, read, bought } = await startShop();
  await hold('A1', 'A2');
  const { body } = await order('A1', 'A2');
  expect(body).toMatchObject({ show_name: 'Gala', seats: [{ name: 'Row A, seat 1' }, { name: 'Row A, seat 2' }] });
  expect(Math.abs(body.server_time * 1000 - Date.now())).toBeLessThan(5_000);
  expect(body).not.toHaveProperty('failure');
  await pay(body.pay_url, declined);
  expect((await read(body.id)).body).toMatchObject({ state: 'open', failure: 'The card was declined' });
  await order('A1', 'A2');
  expect((await read(body.id)).body).not.toHaveProperty('failure');
  expect((await bought('A3')).body).not.toHaveProperty('failure');
});

test('[R865] users are not shown why an order needs a person: it is an error of a server', async () => {
  const { hold, order, read, checkout } = await startShop();
  await hold('A1');
  const { id } = (await order('A1')).body;
  const stored = present(await checkout.ledger.order(id), 'the order');
  const change = {
    state: 'needs_person',
    dueAtMs: undefined,
    reason: 'connect ECONNREFUSED 10.0.0.7',
    atMs: Date.now(),
  } as const;
  await checkout.ledger.change(stored, change);
  const { body } = await read(id);
  expect(body.state).toBe('needs_person');
  expect(JSON.stringify(body)).not.toContain('ECONNREFUSED');
});

test('[R865] a show with prices is marked as sold by orders; others are not', async () => {
  const { call } = await startShop();
  expect((await call('GET', '/api/shows/gala')).body).toMatchObject({ checkout: true });
  expect((await call('GET', '/api/shows/main')).body).not.toHaveProperty('checkout');
});

test('[R770] without the ledger checkout replies 503, and seats work as usual', async () => {
  const { hold, order, checkout } = await startShop();
  await hold('A1');
  const away = vi.spyOn(checkout.ledger, 'createOrder').mockRejectedValue(new LedgerUnavailableError('away'));
  expect(await order('A1')).toMatchObject({
    status: 503,
    headers: { 'retry-after': expect.anything() },
    body: { error: { code: 'STORE_UNAVAILABLE', retryable: true } },
  });
  expect((await hold('A2')).status).toBe(200);
  away.mockRestore();
  expect((await order('A1')).status).toBe(201);
});

test.each([
  ['4000000000000259', 'twice, before the redirect'],
  [approved, 'at once'],
])('[R771] the sandbox sends webhooks for card %s (%s)', async (card) => {
  const { hold, order, pay, checkout } = await startShop({ isListening: true });
  await hold('A1');
  const { body } = await order('A1');
  await pay(body.pay_url, card);
  const state = async () => (await checkout.ledger.order(body.id))?.state;
  if (card !== approved) expect(await state()).toBe('issued');
  await vi.waitFor(async () => expect(await state()).toBe('issued'), patience);
});

test('[R771] the second step of a card is approved or refused on the pay page', async () => {
  const { hold, order, pay, call, read } = await startShop();
  const answer = (url: string | undefined, step: string) => call('POST', url ?? '', `step=${step}`);
  for (const [seat, step, state] of [
    ['A1', 'approve', 'issued'],
    ['A2', 'refuse', 'open'],
  ] as const) {
    await hold(seat);
    const { body } = await order(seat);
    await pay(body.pay_url, '4000 0027 6000 3184');
    expect((await call('GET', body.pay_url ?? '')).body).toContain('Your bank asks');
    expect((await read(body.id)).body.state).toBe('paying');
    await answer(body.pay_url, step);
    expect((await read(body.id)).body.state).toBe(state);
  }
});
