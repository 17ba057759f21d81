import { Ajv } from 'ajv';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LedgerUnavailableError } from '../../src/ledger/ledger-errors.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { StoreTimeoutError, StoreUnavailableError } from '../../src/store/seat-store.ts';
import { type ApiDocument, documentOf, holdTtlMs, operationsOf, startApiOfFile, type TestApi } from './api-fixture.ts';

let api: TestApi;
/** Its sales are closed. */
let closed: TestApi;
/** Its shows have prices. */
let priced: TestApi;
/** It refuses choices that leave a single seat. */
let strict: TestApi;
/** Their stores never open a show. */
let lostStore: TestApi;
let silentStore: TestApi;
let document: ApiDocument;
beforeAll(async () => {
  const prices = new Map([['Standard', new Map([['adult', 4_500]])]]);
  [api, closed, priced, strict, lostStore, silentStore] = await Promise.all([
    startApiOfFile(),
    startApiOfFile({ change: { saleClosesAtMs: 0 } }),
    startApiOfFile({ change: { pricing: { currency: 'EUR', ticketTypes: ['adult'], prices } } }),
    startApiOfFile({ change: { singleSeats: 'refuse' } }),
    startApiOfFile({ failure: new StoreUnavailableError('test') }),
    startApiOfFile({ failure: new StoreTimeoutError('test') }),
  ]);
  document = await documentOf(api);
});
afterAll(() => Promise.all([api, closed, priced, strict, lostStore, silentStore].map(({ app }) => app.close())));

/** The document's path with values. */
const urlOf = (path: string) => path.replace('{show}', 'second').replace('{hash}', 'any');

describe('[R448] replies match the API document', () => {
  const ajv = new Ajv({ strict: false, validateSchema: false });
  const seen = new Set<string>();

  async function check(name: string, status: number, code: ErrorCode | undefined, options: InjectOptions, to = api) {
    const [method, path] = name.split(' ') as [string, string];
    const operation = document.paths[path]?.[method.toLowerCase()];
    const reply = await to.app.inject({ url: urlOf(path), ...options, method: method as 'GET' });
    expect(reply.statusCode, `${name}: ${reply.body}`).toBe(status);
    const documented = operation?.responses[status];
    expect(documented, `${name} ${status}`).toBeDefined();
    for (const header of Object.keys(documented?.headers ?? {})) {
      if (header !== 'X-Venue-Stale') expect(reply.headers, name).toHaveProperty(header.toLowerCase());
    }
    if (code) {
      expect(reply.json()).toMatchObject({ error: { code } });
      expect(documented?.description).toContain(`\`${code}\``);
    }
    const [type, media] = Object.entries(documented?.content ?? {})[0] ?? [];
    if (type) expect(String(reply.headers['content-type']), name).toContain(type);
    else expect(reply.body, name).toBe('');
    if (type === 'application/json') {
      const validate = ajv.compile({ ...document, ...(media?.schema as object) });
      expect(validate(reply.json()), `${name} ${status}: ${JSON.stringify(validate.errors)}`).toBe(true);
      expect(validate({ success: 'no', status: 7 })).toBe(false);
    }
    seen.add(`${name} ${status}`);
    return reply;
  }

  const command = (seat_id: string, user_id: string): InjectOptions => ({ payload: { seat_id, user_id } });
  const notUs: Record<string, string> = { host: 'evil.example' };
  const badToken = { authorization: 'Bearer none' };

  test.each(['/api', '/api/shows/{show}'])('commands below %s', async (root) => {
    const [select, book, release] = ['select', 'book', 'release'].map((action) => `POST ${root}/seats/${action}`) as [
      string,
      string,
      string,
    ];
    await check(select, 200, undefined, command('A1', 'ann'));
    await check(select, 409, 'SEAT_HELD', command('A1', 'bob'));
    await check(book, 409, 'NOT_HOLDER', command('A1', 'bob'));
    await check(release, 409, 'NOT_HOLDER', command('A1', 'bob'));
    await check(book, 200, undefined, command('A1', 'ann'));
    for (const each of [select, book, release]) {
      await check(each, 409, 'SEAT_BOOKED', command('A1', 'bob'));
      await check(each, 400, 'INVALID_REQUEST', { payload: { seat_id: 1 } });
      await check(each, 401, 'UNAUTHENTICATED', { ...command('A2', 'ann'), headers: badToken });
      await check(each, 403, 'FORBIDDEN', command('A2', 'u_somebody'));
      await check(each, 404, 'UNKNOWN_SEAT', command('Z9', 'ann'));
      await check(each, 413, 'TOO_LARGE', { payload: { seat_id: 'A2', user_id: 'x'.repeat(5_000) } });
      await api.whileFailing(new StoreUnavailableError('test'), () =>
        check(each, 503, 'STORE_UNAVAILABLE', command('A2', 'ann')),
      );
      await api.whileFailing(new StoreTimeoutError('test'), () => check(each, 504, 'TIMEOUT', command('A2', 'ann')));
      await api.whileFailing(new Error('test'), () => check(each, 500, 'INTERNAL', command('A2', 'ann')));
    }
    await check(select, 200, undefined, command('A2', 'bob'));
    api.pass(holdTtlMs - 1_000);
    await check(release, 200, undefined, command('A2', 'bob'));
    await check(select, 429, 'COOLDOWN', command('A2', 'bob'));
    await check(select, 200, undefined, command('A3', 'bob'));
    await check(select, 200, undefined, command('A4', 'bob'));
    await check(select, 429, 'HOLD_LIMIT', command('A2', 'bob'));
    if (root === '/api') return;
    await check(select, 410, 'SALE_CLOSED', command('A2', 'bob'), closed);
    await check(select, 409, 'SINGLE_SEAT', command('A2', 'bob'), strict);
    for (const each of [select, book, release]) {
      const url = each.replace('POST ', '').replace('{show}', 'other');
      await check(each, 404, 'UNKNOWN_SHOW', { url, ...command('A1', 'ann') });
    }
  });

  test('holds', async () => {
    const at = (path: string, seats: string[] | undefined, user_id: string, show = 'second'): InjectOptions => ({
      url: `/api/shows/${show}/holds${path}`,
      payload: { seats, user_id },
    });
    const operation = (path: string) => `POST /api/shows/{show}/holds${path}`;
    await check(operation(''), 409, 'SEATS_TAKEN', at('', ['A1', 'A2'], 'cat'));
    const best = { ...at('', undefined, 'cat'), payload: { best: { count: 2, accessible: true }, user_id: 'cat' } };
    await check(operation(''), 409, 'NOT_TOGETHER', best);
    await check(operation(''), 409, 'SINGLE_SEAT', at('', ['A2'], 'cat'), strict);
    await check(operation(''), 200, undefined, at('', ['A2'], 'cat'));
    await check(operation('/extend'), 200, undefined, at('/extend', undefined, 'cat'));
    await check(operation('/extend'), 429, 'EXTENSION_LIMIT', at('/extend', ['A2'], 'cat'));
    await check(operation('/release'), 200, undefined, at('/release', ['A2'], 'cat'));
    await check(operation(''), 200, undefined, at('', ['A2'], 'cat'));
    await check(operation('/book'), 200, undefined, at('/book', undefined, 'cat'));
    for (const path of ['', '/extend']) {
      await check(operation(path), 410, 'SALE_CLOSED', at(path, ['A3'], 'cat'), closed);
    }
    for (const path of ['', '/extend', '/book', '/release']) {
      const name = operation(path);
      if (path !== '') await check(name, 409, 'NOT_HOLDER', at(path, ['A3'], 'cat'));
      await check(name, 400, 'INVALID_REQUEST', at(path, [], 'cat'));
      await check(name, 401, 'UNAUTHENTICATED', { ...at(path, ['A3'], 'cat'), headers: badToken });
      await check(name, 403, 'FORBIDDEN', at(path, ['A3'], 'u_somebody'));
      await check(name, 404, 'UNKNOWN_SHOW', at(path, ['A3'], 'cat', 'other'));
      await check(name, 404, 'UNKNOWN_SEAT', at(path, ['Z9'], 'cat'));
      await check(name, 413, 'TOO_LARGE', at(path, ['A3'], 'x'.repeat(5_000)));
      await api.whileFailing(new StoreUnavailableError('test'), () =>
        check(name, 503, 'STORE_UNAVAILABLE', at(path, ['A3'], 'cat')),
      );
      await api.whileFailing(new StoreTimeoutError('test'), () => check(name, 504, 'TIMEOUT', at(path, ['A3'], 'cat')));
    }
  });

  test.each(['/api', '/api/shows/{show}'])('reads below %s', async (root) => {
    const [seats, venue, events] = ['seats', 'venue', 'events'].map((what) => `GET ${root}/${what}`) as [
      string,
      string,
      string,
    ];
    const eventsUrl = (query: string) => ({ url: `${urlOf(root)}/events?${query}` });
    const { headers } = await check(seats, 200, undefined, {});
    await check(seats, 304, undefined, { headers: { 'if-none-match': String(headers.etag) } });
    const { epoch } = (await check(venue, 200, undefined, {})).json();
    const sinceStart = eventsUrl(`epoch=${epoch}&after=0`);
    await check(events, 200, undefined, sinceStart);
    await check(events, 200, undefined, eventsUrl('epoch=other&after=0'));
    await check(events, 400, 'INVALID_REQUEST', eventsUrl(''));
    for (const [name, options] of Object.entries({ [seats]: {}, [venue]: {}, [events]: sinceStart })) {
      const noStale = { ...options, headers: { 'x-venue-stale': 'refuse' } };
      await api.whileFailing(new StoreUnavailableError('test'), () => check(name, 503, 'STORE_UNAVAILABLE', noStale));
    }
    await api.whileFailing(new StoreUnavailableError('test'), async () => {
      expect((await check(venue, 200, undefined, {})).json().stale).toBe(true);
      expect((await check(seats, 200, undefined, {})).headers['x-venue-stale']).toBe('true');
    });
    await api.whileFailing(new StoreTimeoutError('test'), () => check(events, 504, 'TIMEOUT', sinceStart));
    for (const name of [seats, venue]) await check(name, 504, 'TIMEOUT', {}, silentStore);
    if (root === '/api') return;
    for (const name of [seats, venue, events]) {
      const url = `${name.replace('GET ', '').replace('{show}', 'other')}?epoch=e&after=0`;
      await check(name, 404, 'UNKNOWN_SHOW', { url });
    }
  });

  test('shows', async () => {
    const { shows } = (await check('GET /api/shows', 200, undefined, {})).json();
    expect(shows.map(({ id }: { id: string }) => id)).toEqual(['main', 'second']);
    const show = 'GET /api/shows/{show}';
    const { plan } = (await check(show, 200, undefined, {})).json();
    await check(show, 404, 'UNKNOWN_SHOW', { url: '/api/shows/other' });
    await check(show, 503, 'STORE_UNAVAILABLE', {}, lostStore);
    await check(show, 504, 'TIMEOUT', {}, silentStore);
    const planOf = (id: string, hash: string) => ({ url: `/api/shows/${id}/plan/${hash}` });
    await check('GET /api/shows/{show}/plan/{hash}', 200, undefined, planOf('second', plan));
    const known = { headers: { 'if-none-match': `"${plan}"` } };
    await check('GET /api/shows/{show}/plan/{hash}', 304, undefined, { ...planOf('second', plan), ...known });
    await check('GET /api/shows/{show}/plan/{hash}', 404, 'NOT_FOUND', planOf('second', 'another'));
    await check('GET /api/shows/{show}/plan/{hash}', 404, 'UNKNOWN_SHOW', planOf('other', plan));
    // Only an open show tells that a plan is none of it.
    await check('GET /api/shows/{show}/plan/{hash}', 503, 'STORE_UNAVAILABLE', planOf('second', 'another'), lostStore);
    await check('GET /api/shows/{show}/plan/{hash}', 504, 'TIMEOUT', planOf('second', 'another'), silentStore);
  });

  test('orders', async () => {
    const create = 'POST /api/shows/{show}/orders';
    const [read, cancel, webhook] = [
      'GET /api/orders/{id}',
      'POST /api/orders/{id}/cancel',
      'POST /api/payments/{provider}/webhook',
    ] as const;
    const ticket = 'GET /api/tickets/{code}';
    const order = (ids: string[], user_id = 'ann', show = 'second'): InjectOptions => ({
      url: `/api/shows/${show}/orders`,
      payload: { seats: ids.map((id) => ({ id })), user_id },
    });
    const hold = (...seats: string[]) =>
      priced.app.inject({ method: 'POST', url: '/api/shows/second/holds', payload: { seats, user_id: 'ann' } });
    const { bank, provider, ledger, tickets } = priced.checkout;

    await hold('A1', 'A2');
    for (const path of ['seats', 'holds'] as const) {
      const payload = path === 'seats' ? command('A1', 'ann').payload : { seats: ['A1'], user_id: 'ann' };
      const url = `/api/shows/second/${path}/book`;
      await check(
        `POST /api/shows/{show}/${path}/book`,
        402,
        'PAYMENT_REQUIRED',
        { url, payload } as InjectOptions,
        priced,
      );
    }
    const mainBook = { ...command('A1', 'ann') };
    await check('POST /api/seats/book', 402, 'PAYMENT_REQUIRED', mainBook, priced);

    const { id, pay_url = '' } = (await check(create, 201, undefined, order(['A1']), priced)).json();
    await check(create, 409, 'NOT_HOLDER', order(['A3']), priced);
    await check(create, 409, 'ORDER_CLOSED', order(['A1', 'A2']), priced);
    await check(create, 400, 'INVALID_REQUEST', order([]), priced);
    await check(create, 401, 'UNAUTHENTICATED', { ...order(['A2']), headers: badToken }, priced);
    await check(create, 403, 'FORBIDDEN', order(['A2'], 'u_somebody'), priced);
    await check(create, 404, 'UNKNOWN_SEAT', order(['Z9']), priced);
    await check(create, 404, 'UNKNOWN_SHOW', order(['A2'], 'ann', 'other'), priced);
    await check(create, 413, 'TOO_LARGE', order(['A2'], 'x'.repeat(5_000)), priced);
    await priced.whileFailing(new StoreTimeoutError('test'), () =>
      check(create, 504, 'TIMEOUT', order(['A2']), priced),
    );

    const list = 'GET /api/shows/{show}/orders';
    const listed = (user_id = 'ann'): InjectOptions => ({ url: `/api/shows/second/orders?user_id=${user_id}` });
    await check(list, 200, undefined, listed(), priced);
    await check(list, 400, 'INVALID_REQUEST', listed('!'), priced);
    await check(list, 401, 'UNAUTHENTICATED', { ...listed(), headers: badToken }, priced);
    await check(list, 403, 'FORBIDDEN', listed('u_somebody'), priced);

    const own = (path = '', user_id = 'ann'): InjectOptions => ({ url: `/api/orders/${id}${path}?user_id=${user_id}` });
    const ended = (user_id = 'ann'): InjectOptions => ({ url: `/api/orders/${id}/cancel`, payload: { user_id } });
    await check(read, 200, undefined, own(), priced);
    await check(read, 400, 'INVALID_REQUEST', own('', '!'), priced);
    await check(read, 401, 'UNAUTHENTICATED', { ...own(), headers: badToken }, priced);
    await check(read, 403, 'FORBIDDEN', own('', 'u_somebody'), priced);
    await check(read, 404, 'UNKNOWN_ORDER', own('', 'bob'), priced);
    await check(cancel, 400, 'INVALID_REQUEST', ended('!'), priced);
    await check(cancel, 401, 'UNAUTHENTICATED', { ...ended(), headers: badToken }, priced);
    await check(cancel, 403, 'FORBIDDEN', ended('u_somebody'), priced);
    await check(cancel, 404, 'UNKNOWN_ORDER', ended('bob'), priced);
    await check(cancel, 413, 'TOO_LARGE', ended('x'.repeat(5_000)), priced);
    await check(cancel, 200, undefined, ended(), priced);
    const second = (await check(create, 201, undefined, order(['A2']), priced)).json();
    const paid = await bank.pay(second.pay_url.replace('/sandbox/', ''), '4242424242424242');
    const message = provider.webhookOf(paid);
    const paidOrder = { url: `/api/orders/${second.id}/cancel`, payload: { user_id: 'ann' } };
    await priced.whileFailing(new StoreTimeoutError('test'), () => check(cancel, 504, 'TIMEOUT', paidOrder, priced));
    const sent = (name = 'sandbox', headers = message.headers): InjectOptions => ({
      url: `/api/payments/${name}/webhook`,
      payload: message.raw,
      headers,
    });
    await check(webhook, 401, 'UNAUTHENTICATED', sent('sandbox', { 'content-type': 'application/json' }), priced);
    await check(webhook, 404, 'NOT_FOUND', sent('other'), priced);
    await check(webhook, 413, 'TOO_LARGE', { ...sent(), payload: Buffer.alloc(70_000) }, priced);
    await check(webhook, 200, undefined, sent(), priced);
    const unknown = provider.webhookOf({ ...paid, orderId: 'unknown', version: 9 });
    await check(webhook, 404, 'UNKNOWN_ORDER', { ...sent('sandbox', unknown.headers), payload: unknown.raw }, priced);
    await check(cancel, 409, 'ORDER_CLOSED', paidOrder, priced);

    const code = tickets.codeOf((await ledger.order(second.id))?.tickets[0]?.id ?? '');
    await check(ticket, 200, undefined, { url: `/api/tickets/${code}` }, priced);
    await check(ticket, 404, 'NOT_FOUND', { url: '/api/tickets/forged' }, priced);
    expect(pay_url).toMatch(/^\/sandbox\//);
    for (const method of ['order', 'orders', 'createOrder', 'recordPayment', 'ticket'] as const) {
      vi.spyOn(ledger, method).mockRejectedValue(new LedgerUnavailableError('test'));
    }
    await check(create, 503, 'STORE_UNAVAILABLE', order(['A2']), priced);
    await check(list, 503, 'STORE_UNAVAILABLE', listed(), priced);
    await check(read, 503, 'STORE_UNAVAILABLE', own(), priced);
    await check(cancel, 503, 'STORE_UNAVAILABLE', ended(), priced);
    await check(webhook, 503, 'STORE_UNAVAILABLE', sent(), priced);
    await check(ticket, 503, 'STORE_UNAVAILABLE', { url: `/api/tickets/${code}` }, priced);
    vi.restoreAllMocks();
  });

  test('sessions', async () => {
    const { token } = (await check('POST /api/session', 200, undefined, {})).json();
    await check('POST /api/session', 200, undefined, { payload: { token: true } });
    await check('POST /api/session', 400, 'INVALID_REQUEST', { payload: { token: 'yes' } });
    await check('POST /api/session', 413, 'TOO_LARGE', { payload: { token: 'x'.repeat(5_000) } });
    await check('GET /api/session', 200, undefined, { headers: { authorization: `Bearer ${token}` } });
    await check('GET /api/session', 401, 'UNAUTHENTICATED', {});
  });

  test('health and metrics', async () => {
    for (const path of ['/health', '/ready', '/metrics']) await check(`GET ${path}`, 200, undefined, {});
    await api.whileFailing(new StoreUnavailableError('test'), () => check('GET /ready', 503, undefined, {}));
  });

  test('foreign hosts and limits, for every operation', async () => {
    const limits = { requestsPerSecondPerUser: 1, sessionsPerMinutePerAddress: 1, holdsPerAddress: 1 };
    const limited = await startApiOfFile({ access: { rateLimits: { ...limits, requestsPerSecondPerAddress: 1 } } });
    for (const [name] of operationsOf(document)) {
      if (name.includes('/api/')) await check(name, 403, 'FORBIDDEN', { headers: notUs });
      const headers = { 'x-forwarded-for': `203.0.113.${seen.size}` };
      const [method, path] = name.split(' ') as ['GET', string];
      for (let i = 0; i < 2; i++) await limited.app.inject({ method, url: urlOf(path), headers });
      await check(name, 429, 'RATE_LIMITED', { headers }, limited);
    }
    await limited.app.close();
  });

  test('no documented reply is left out, but unforeseen faults', () => {
    const documented = operationsOf(document).flatMap(([name, { responses }]) =>
      Object.keys(responses).map((s) => `${name} ${s}`),
    );
    expect(documented.filter((each) => !seen.has(each) && !each.endsWith(' 500'))).toEqual([]);
    expect(seen).toContain('POST /api/seats/select 500');
  });
});
