import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Ajv } from 'ajv';
import type { InjectOptions } from 'fastify';
import openapiTypes, { type OpenAPI3 } from 'openapi-typescript';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Access } from '../../src/identity/access.ts';
import { type ErrorCode, errorCodes } from '../../src/protocol/errors.ts';
import { defaultShow, gridPlan } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { StoreTimeoutError, StoreUnavailableError } from '../../src/store/seat-store.ts';
import { testAccess } from '../integration/booking-fixture.ts';
import { type OneShow, oneShow } from '../support/one-show.ts';

interface Reply {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: object }>;
}

interface Operation {
  operationId: string;
  summary: string;
  description: string;
  security: object[];
  requestBody?: { required: boolean };
  parameters?: { name: string; description: string }[];
  responses: Record<string, Reply>;
}

interface ApiDocument {
  info: { description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, { type: string; name?: string }> };
}

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  $ref?: string;
}

let nowMs = 1_700_000_000_000;
const holdTtlMs = 30_000;

class FailingStore extends MemorySeatStore {
  failure: Error | undefined;

  override async decide(...args: Parameters<MemorySeatStore['decide']>) {
    if (this.failure) throw this.failure;
    return super.decide(...args);
  }

  override async eventsAfter(...args: Parameters<MemorySeatStore['eventsAfter']>) {
    if (this.failure) throw this.failure;
    return super.eventsAfter(...args);
  }
}

const venue = {
  name: 'main',
  rows: 1,
  cols: 4,
  holdTtlMs,
  maxHoldsPerUser: 2,
  maxExtensions: 1,
  reholdCooldownMs: 60_000,
};
const plan = gridPlan(venue);
const store = new FailingStore({ ...venue, plan, nowMs: () => nowMs });
let booking: OneShow;

const others: Show[] = [
  { ...defaultShow(venue, 'closed'), saleClosesAtMs: 0 },
  { ...defaultShow(venue, 'strict'), singleSeats: 'refuse' },
];

const built = (access: Partial<Access>, ownStore?: MemorySeatStore): Promise<OneShow> =>
  oneShow({ venue, others, access: testAccess(access), ...(ownStore && { store: ownStore }) });

let document: ApiDocument;
beforeAll(async () => {
  booking = await built({}, store);
  booking.service.start();
  await vi.waitFor(() => expect(booking.service.isOpen).toBe(true));
  document = (await booking.app.inject({ url: '/api/docs/json' })).json();
});
afterAll(() => booking.app.close());

const operations = (): [name: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, each]): [string, Operation] => [`${method.toUpperCase()} ${path}`, each]),
  );

describe('[R445] the API document', () => {
  test('lists every route that is not a page', () => {
    expect(
      operations()
        .map(([name, { operationId }]) => `${name} ${operationId}`)
        .toSorted(),
    ).toEqual([
      'GET /api/events listEvents',
      'GET /api/seats listSeats',
      'GET /api/session getSession',
      'GET /api/shows listShows',
      'GET /api/shows/{show} getShow',
      'GET /api/shows/{show}/events listShowEvents',
      'GET /api/shows/{show}/plan/{hash} getPlan',
      'GET /api/shows/{show}/seats listShowSeats',
      'GET /api/shows/{show}/venue getShowVenue',
      'GET /api/venue getVenue',
      'GET /health getHealth',
      'GET /metrics getMetrics',
      'GET /ready getReadiness',
      'POST /api/seats/book bookSeat',
      'POST /api/seats/release releaseSeat',
      'POST /api/seats/select selectSeat',
      'POST /api/session beginSession',
      'POST /api/shows/{show}/holds holdSeats',
      'POST /api/shows/{show}/holds/book bookHold',
      'POST /api/shows/{show}/holds/extend extendHold',
      'POST /api/shows/{show}/holds/release releaseHold',
      'POST /api/shows/{show}/seats/book bookShowSeat',
      'POST /api/shows/{show}/seats/release releaseShowSeat',
      'POST /api/shows/{show}/seats/select selectShowSeat',
    ]);
  });

  test('introduces the API, and describes every operation, parameter, reply and field', () => {
    expect(document.info.description.length).toBeGreaterThan(500);
    for (const [name, { summary, description, parameters = [], responses }] of operations()) {
      for (const text of [summary, description, ...parameters.map((each) => each.description)]) {
        expect(text, name).toMatch(/\w+ \w+/);
      }
      for (const [status, reply] of Object.entries(responses)) {
        expect(reply.description, `${name} ${status}`).toMatch(/^(?!Default Response).*\w+ \w+/);
      }
    }
    for (const [name, { description, properties = {} }] of Object.entries(document.components.schemas)) {
      expect(description, name).toMatch(/\w+ \w+/);
      for (const [field, schema] of Object.entries(properties)) {
        const isSelfEvident = '$ref' in schema || ['success', 'error'].includes(field);
        if (!isSelfEvident) expect(schema.description, `${name}.${field}`).toMatch(/\w/);
      }
    }
  });

  test('names its schemas', () => {
    expect(Object.keys(document.components.schemas).toSorted()).toEqual([
      ...['CommandBody', 'CommandReply', 'ErrorReply', 'EventsAfter', 'HoldActionBody', 'HoldBody', 'HoldReply'],
      ...['Seat', 'SeatEvent', 'SessionInfo', 'SessionReply', 'SessionRequest'],
      ...['ShowDetails', 'ShowList', 'VenueState'],
    ]);
    const seats = document.paths['/api/seats']?.get?.responses[200]?.content?.['application/json']?.schema;
    expect(seats).toMatchObject({ type: 'array', items: { $ref: '#/components/schemas/Seat' } });
    expect(JSON.stringify(document)).not.toContain('def-');
  });

  test('says who may act: a session by header or cookie, for guests also none', async () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: 'http' },
      cookie: { type: 'apiKey', name: 'session' },
    });
    expect(document.paths['/api/seats/book']?.post?.security).toEqual([{ bearer: [] }, { cookie: [] }, {}]);
    const strict = await built({ authMode: 'required', sessionCookie: 'other' });
    const strictDocument: ApiDocument = (await strict.app.inject({ url: '/api/docs/json' })).json();
    await strict.app.close();
    expect(strictDocument.paths['/api/seats/book']?.post?.security).toEqual([{ bearer: [] }, { cookie: [] }]);
    expect(strictDocument.components.securitySchemes.cookie).toMatchObject({ name: 'other' });
  });

  test('marks the body of a session request as optional, those of commands as required', () => {
    expect(document.paths['/api/session']?.post?.requestBody?.required).toBe(false);
    expect(document.paths['/api/seats/select']?.post?.requestBody?.required).toBe(true);
  });
});

test('[R446] Redocly finds no error and no warning in the API document', async () => {
  const config = await createConfig({ extends: ['recommended'] });
  const lint = async (linted: object) => {
    const problems = await lintFromString({ source: JSON.stringify(linted), config });
    return problems.map(({ ruleId, location }) => `${ruleId} ${location[0]?.pointer}`);
  };
  expect(await lint(document)).toEqual([]);
  expect(await lint({ ...document, paths: { '/x': { get: { responses: {} } } } })).toContain(
    'operation-summary #/paths/~1x/get/summary',
  );
});

test('[R447] TypeScript types generated from the API document agree with the schemas of the code', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-api-'));
  const protocol = (file: string) => JSON.stringify(resolve('src/protocol', file));
  writeFileSync(join(folder, 'api.ts'), await openapiTypes(structuredClone(document) as unknown as OpenAPI3));
  writeFileSync(
    join(folder, 'client.ts'),
    `import type { components, operations } from './api.ts';
import type { CommandBody, CommandReply, ErrorReply } from ${protocol('commands.ts')};
import type { EventsAfter } from ${protocol('events.ts')};
import type { Seat } from ${protocol('seat.ts')};
import type { SessionInfo, SessionReply } from ${protocol('session.ts')};
import type { VenueState } from ${protocol('venue.ts')};

type Json<Id extends keyof operations, Status> = operations[Id]['responses'] extends infer Replies
  ? Status extends keyof Replies ? Replies[Status] extends { content: { 'application/json': infer Body } } ? Body : never : never : never;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same: [
  Same<Json<'listSeats', 200>, Seat[]>,
  Same<Json<'getVenue', 200>, VenueState>,
  Same<Json<'listEvents', 200>, EventsAfter>,
  Same<Json<'selectSeat', 200>, CommandReply>,
  Same<Json<'bookSeat', 409>, ErrorReply>,
  Same<Json<'beginSession', 200>, SessionReply>,
  Same<Json<'getSession', 200>, SessionInfo>,
  Same<components['schemas']['CommandBody'], CommandBody>,
] = [true, true, true, true, true, true, true, true];
// @ts-expect-error A reply that differs is noticed.
const different: Same<Json<'getVenue', 200>, Seat> = true;
console.log(same, different);
`,
  );
  const options = '--noEmit --strict --skipLibCheck --target es2023 --module esnext --moduleResolution bundler';
  const tsc = [...options.split(' '), '--ignoreConfig', '--allowImportingTsExtensions', '--types', 'node'];
  const root = ['--typeRoots', resolve('node_modules/@types')];
  await promisify(execFile)(resolve('node_modules/.bin/tsc'), [...tsc, ...root, join(folder, 'client.ts')]).catch(
    ({ stdout }) => expect(stdout).toBe(''),
  );
});

describe('[R448] replies are as the API document says', () => {
  const ajv = new Ajv({ strict: false, validateSchema: false });
  const seen = new Set<string>();

  async function check(
    name: string,
    status: number,
    code: ErrorCode | undefined,
    options: InjectOptions,
    to = booking,
  ) {
    const [method, path] = name.split(' ') as [string, string];
    const operation = document.paths[path]?.[method.toLowerCase()] as Operation;
    const reply = await to.app.inject({ url: path, ...options, method: method as 'GET' });
    expect(reply.statusCode, `${name}: ${reply.body}`).toBe(status);
    const documented = operation.responses[status];
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

  async function whileFailing(
    failure: Error,
    act: () => Promise<unknown>,
    failing = store,
    of = booking,
  ): Promise<void> {
    failing.failure = failure;
    await act();
    failing.failure = undefined;
    await vi.waitFor(async () => expect((await of.app.inject({ url: '/ready' })).statusCode).toBe(200));
  }

  const opened = async (): Promise<[OneShow, FailingStore]> => {
    const ownStore = new FailingStore({ ...venue, plan, nowMs: () => nowMs });
    const of = await built({}, ownStore);
    of.service.start();
    await vi.waitFor(() => expect(of.service.isOpen).toBe(true));
    return [of, ownStore];
  };

  test.each(['/api', '/api/shows/{show}'])('commands below %s', async (prefix) => {
    const [of, ownStore] = await opened();
    const checkIn =
      (show: string) => (action: string, status: number, code: ErrorCode | undefined, options: InjectOptions) =>
        check(
          `POST ${prefix}/seats/${action}`,
          status,
          code,
          { url: `${prefix.replace('{show}', show)}/seats/${action}`, ...options },
          of,
        );
    const main = checkIn('main');
    await main('select', 200, undefined, command('A1', 'ann'));
    await main('select', 409, 'SEAT_HELD', command('A1', 'bob'));
    await main('book', 409, 'NOT_HOLDER', command('A1', 'bob'));
    await main('release', 409, 'NOT_HOLDER', command('A1', 'bob'));
    await main('book', 200, undefined, command('A1', 'ann'));
    for (const each of ['select', 'book', 'release']) {
      await main(each, 409, 'SEAT_BOOKED', command('A1', 'bob'));
      await main(each, 400, 'INVALID_REQUEST', { payload: { seat_id: 1 } });
      await main(each, 401, 'UNAUTHENTICATED', { ...command('A2', 'ann'), headers: badToken });
      await main(each, 403, 'FORBIDDEN', command('A2', 'u_somebody'));
      await main(each, 404, 'UNKNOWN_SEAT', command('Z9', 'ann'));
      await main(each, 413, 'TOO_LARGE', { payload: { seat_id: 'A2', user_id: 'x'.repeat(5_000) } });
      const failures: [Error, number, ErrorCode][] = [
        [new StoreUnavailableError('test'), 503, 'STORE_UNAVAILABLE'],
        [new StoreTimeoutError('test'), 504, 'TIMEOUT'],
        [new Error('test'), 500, 'INTERNAL'],
      ];
      for (const [failure, status, code] of failures) {
        await whileFailing(failure, () => main(each, status, code, command('A2', 'ann')), ownStore, of);
      }
      if (prefix !== '/api') await checkIn('other')(each, 404, 'UNKNOWN_SHOW', command('A2', 'ann'));
    }
    await main('select', 200, undefined, command('A2', 'bob'));
    nowMs += holdTtlMs - 1_000;
    await main('release', 200, undefined, command('A2', 'bob'));
    await main('select', 429, 'COOLDOWN', command('A2', 'bob'));
    await main('select', 200, undefined, command('A3', 'bob'));
    await main('select', 200, undefined, command('A4', 'bob'));
    await main('select', 429, 'HOLD_LIMIT', command('A2', 'bob'));
    if (prefix !== '/api') {
      await checkIn('closed')('select', 410, 'SALE_CLOSED', command('A1', 'ann'));
      await checkIn('strict')('select', 409, 'SINGLE_SEAT', command('A2', 'ann'));
    }
    await of.app.close();
  });

  test('holds', async () => {
    const at = (path: string, seats: string[] | undefined, user_id: string, show = 'main'): InjectOptions => ({
      url: `/api/shows/${show}/holds${path}`,
      payload: { seats, user_id },
    });
    const operation = (path: string) => `POST /api/shows/{show}/holds${path}`;
    await check(operation(''), 200, undefined, at('', ['A1'], 'ann'));
    await check(operation('/book'), 200, undefined, at('/book', ['A1'], 'ann'));
    await check(operation(''), 409, 'SEATS_TAKEN', at('', ['A1', 'A2'], 'cat'));
    const best = { url: '/api/shows/main/holds', payload: { best: { count: 4 }, user_id: 'cat' } };
    await check(operation(''), 409, 'NOT_TOGETHER', best);
    await check(operation(''), 410, 'SALE_CLOSED', at('', ['A1'], 'cat', 'closed'));
    await check(operation('/extend'), 410, 'SALE_CLOSED', at('/extend', ['A1'], 'cat', 'closed'));
    await check(operation(''), 409, 'SINGLE_SEAT', at('', ['A2'], 'cat', 'strict'));
    await check(operation(''), 200, undefined, at('', ['A2'], 'cat'));
    await check(operation('/extend'), 200, undefined, at('/extend', undefined, 'cat'));
    await check(operation('/extend'), 429, 'EXTENSION_LIMIT', at('/extend', ['A2'], 'cat'));
    await check(operation('/release'), 200, undefined, at('/release', ['A2'], 'cat'));
    await check(operation(''), 200, undefined, at('', ['A2'], 'cat'));
    await check(operation('/book'), 200, undefined, at('/book', undefined, 'cat'));
    for (const path of ['', '/extend', '/book', '/release']) {
      const name = operation(path);
      if (path !== '') await check(name, 409, 'NOT_HOLDER', at(path, ['A3'], 'cat'));
      await check(name, 400, 'INVALID_REQUEST', at(path, [], 'cat'));
      await check(name, 401, 'UNAUTHENTICATED', { ...at(path, ['A3'], 'cat'), headers: badToken });
      await check(name, 403, 'FORBIDDEN', at(path, ['A3'], 'u_somebody'));
      await check(name, 404, 'UNKNOWN_SHOW', at(path, ['A3'], 'cat', 'other'));
      await check(name, 404, 'UNKNOWN_SEAT', at(path, ['Z9'], 'cat'));
      await check(name, 413, 'TOO_LARGE', at(path, ['A3'], 'x'.repeat(5_000)));
      await whileFailing(new StoreUnavailableError('test'), () =>
        check(name, 503, 'STORE_UNAVAILABLE', at(path, ['A3'], 'cat')),
      );
      await whileFailing(new StoreTimeoutError('test'), () => check(name, 504, 'TIMEOUT', at(path, ['A3'], 'cat')));
    }
  });

  test.each(['/api', '/api/shows/{show}'])('reads below %s', async (prefix) => {
    const [of, ownStore] = await opened();
    const at = (path: string, show = 'main') => ({ url: `${prefix.replace('{show}', show)}${path}` });
    const checkAt = (path: string, status: number, code: ErrorCode | undefined, options: InjectOptions, to = of) =>
      check(`GET ${prefix}${path}`, status, code, { ...at(path), ...options }, to);
    const failing = (failure: Error, act: () => Promise<unknown>) => whileFailing(failure, act, ownStore, of);
    const seats = await checkAt('/seats', 200, undefined, {});
    await checkAt('/seats', 304, undefined, { headers: { 'if-none-match': String(seats.headers.etag) } });
    const { epoch } = (await checkAt('/venue', 200, undefined, {})).json();
    const events = at(`/events?epoch=${epoch}&after=0`);
    await checkAt('/events', 200, undefined, events);
    await checkAt('/events', 200, undefined, at('/events?epoch=other&after=0'));
    await checkAt('/events', 400, 'INVALID_REQUEST', {});
    for (const path of ['/seats', '/venue', '/events']) {
      const url = path === '/events' ? events : at(path);
      const headers = { 'x-venue-stale': 'refuse' };
      await failing(new StoreUnavailableError('test'), () =>
        checkAt(path, 503, 'STORE_UNAVAILABLE', { ...url, headers }),
      );
      const query = path === '/events' ? '/events?epoch=e&after=0' : path;
      if (prefix !== '/api') await checkAt(path, 404, 'UNKNOWN_SHOW', at(query, 'other'));
    }
    await failing(new StoreUnavailableError('test'), async () => {
      expect((await checkAt('/venue', 200, undefined, {})).json().stale).toBe(true);
      expect((await checkAt('/seats', 200, undefined, {})).headers['x-venue-stale']).toBe('true');
    });
    await failing(new StoreTimeoutError('test'), () => checkAt('/events', 504, 'TIMEOUT', events));
    const closedStore = Object.assign(new FailingStore({ ...venue, plan }), { failure: new StoreTimeoutError('test') });
    const closed = await built({}, closedStore);
    for (const path of ['/seats', '/venue']) await checkAt(path, 504, 'TIMEOUT', {}, closed);
    await Promise.all([of.app.close(), closed.app.close()]);
  });

  test('shows', async () => {
    await check('GET /api/shows', 200, undefined, {});
    const show = 'GET /api/shows/{show}';
    const { plan: hash } = (await check(show, 200, undefined, { url: '/api/shows/main' })).json();
    await check(show, 404, 'UNKNOWN_SHOW', { url: '/api/shows/other' });
    const planName = 'GET /api/shows/{show}/plan/{hash}';
    await check(planName, 200, undefined, { url: `/api/shows/main/plan/${hash}` });
    await check(planName, 304, undefined, {
      url: `/api/shows/main/plan/${hash}`,
      headers: { 'if-none-match': `"${hash}"` },
    });
    await check(planName, 404, 'NOT_FOUND', { url: '/api/shows/main/plan/0' });
    await check(planName, 404, 'UNKNOWN_SHOW', { url: `/api/shows/other/plan/${hash}` });
    const failures = [
      [new StoreUnavailableError('test'), 503, 'STORE_UNAVAILABLE'],
      [new StoreTimeoutError('test'), 504, 'TIMEOUT'],
    ] as const;
    for (const [failure, status, code] of failures) {
      const unopened = await built({}, Object.assign(new FailingStore({ ...venue, plan }), { failure }));
      await check(show, status, code, { url: '/api/shows/main' }, unopened);
      await unopened.app.close();
    }
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
    await whileFailing(new StoreUnavailableError('test'), () => check('GET /ready', 503, undefined, {}));
  });

  test('foreign hosts and limits, for every operation', async () => {
    const limits = { requestsPerSecondPerUser: 1, sessionsPerMinutePerAddress: 1, holdsPerAddress: 1 };
    const limited = await built({ rateLimits: { ...limits, requestsPerSecondPerAddress: 1 } });
    for (const [name] of operations()) {
      if (name.includes('/api/')) await check(name, 403, 'FORBIDDEN', { headers: notUs });
      const headers = { 'x-forwarded-for': `203.0.113.${seen.size}` };
      const [method, path] = name.split(' ') as ['GET', string];
      const url = path.replace('{show}', 'main');
      for (let i = 0; i < 2; i++) await limited.app.inject({ method, url, headers });
      await check(name, 429, 'RATE_LIMITED', { url, headers }, limited);
    }
    await limited.app.close();
  });

  test('no documented reply is left out, but unforeseen faults', () => {
    const documented = operations().flatMap(([name, { responses }]) =>
      Object.keys(responses).map((s) => `${name} ${s}`),
    );
    expect(documented.filter((each) => !seen.has(each) && !each.endsWith(' 500'))).toEqual([]);
    expect(seen).toContain('POST /api/seats/select 500');
  });

  test('[R445] each error code is documented for some operation', () => {
    const text = operations().flatMap(([, { responses }]) => Object.values(responses).map((each) => each.description));
    const routing: string[] = ['METHOD_NOT_ALLOWED'];
    const missing = Object.keys(errorCodes).filter((code) => !text.some((each) => each.includes(`\`${code}\``)));
    expect(missing).toEqual(routing);
  });
});
