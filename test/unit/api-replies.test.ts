import { Ajv } from 'ajv';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { StoreTimeoutError, StoreUnavailableError } from '../../src/store/seat-store.ts';
import { type ApiDocument, documentOf, holdTtlMs, operationsOf, startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;
/** Its sales are closed. */
let closed: TestApi;
/** It refuses choices that leave a single seat. */
let strict: TestApi;
/** Their stores never open a show. */
let lostStore: TestApi;
let silentStore: TestApi;
let document: ApiDocument;
beforeAll(async () => {
  [api, closed, strict, lostStore, silentStore] = await Promise.all([
    startApi(),
    startApi({ change: { saleClosesAtMs: 0 } }),
    startApi({ change: { singleSeats: 'refuse' } }),
    startApi({ failure: new StoreUnavailableError('test') }),
    startApi({ failure: new StoreTimeoutError('test') }),
  ]);
  document = await documentOf(api);
});
afterAll(() => Promise.all([api, closed, strict, lostStore, silentStore].map(({ app }) => app.close())));

/** The document's path with values. */
const urlOf = (path: string) => path.replace('{show}', 'second').replace('{hash}', 'any');

describe('[R448] replies are as the API document says', () => {
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
    const limited = await startApi({ access: { rateLimits: { ...limits, requestsPerSecondPerAddress: 1 } } });
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
