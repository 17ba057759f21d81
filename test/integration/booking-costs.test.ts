import { gunzipSync } from 'node:zlib';
import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import type { Access } from '../../src/identity/access.ts';
import { StoreTimeoutError, StoreUnavailableError, VenueLostError } from '../../src/store/seat-store.ts';
import { newStore, startInspected } from '../inspect/inspect-fixture.ts';

const generous = {
  requestsPerSecondPerAddress: 1_000,
  requestsPerSecondPerUser: 100_000, // `change` sends as fast as it can
  sessionsPerMinutePerAddress: 1_000,
  holdsPerAddress: 1_000,
};

/** Over memory, with limits. Requests come from one stranger, unless the headers say otherwise. */
async function startLimited({ access, rows = 10 }: { access?: Partial<Access>; rows?: number } = {}) {
  const store = newStore(rows);
  store.markRelayed = async () => {}; // the log keeps everything
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const booking = await startInspected({ store, rows, logger, access: { rateLimits: generous, ...access } });
  const change = async (count: number) => {
    for (let i = 0; i < count; i++) await booking.command(i % 2 === 0 ? 'select' : 'release', 'A1', 'ann');
  };
  const stranger = { 'x-forwarded-for': '203.0.113.7' };
  const ask = ({ headers, ...options }: InjectOptions) =>
    booking.app.inject({ ...options, headers: { ...stranger, ...headers } });
  const eventsAfter = async (seq: number, by: typeof ask | typeof booking.app.inject = ask) => {
    const { epoch } = booking.service.view;
    return (await by({ url: `/api/events?epoch=${epoch}&after=${seq}` })).json();
  };
  return { ...booking, logged, change, ask, eventsAfter };
}

const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));
const countOf = (replies: { statusCode: number }[], status: number) =>
  replies.filter(({ statusCode }) => statusCode === status).length;

describe('[R340] [R72] GET /api/events', () => {
  test('near: the events, without a call to the store; further behind: none, and the reader takes the venue', async () => {
    const { store, change, eventsAfter } = await startLimited();
    await change(300);
    const read = vi.spyOn(store, 'eventsAfter');
    const near = await eventsAfter(200);
    expect(near).toMatchObject({ seq: 300, server_time: expect.any(Number) });
    expect(near.events.map(({ seq }: { seq: number }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => 201 + i));
    expect(near.events).toEqual((await store.eventsAfter({ epoch: near.epoch, seq: 200 }, 100)).events);
    read.mockClear();
    for (const seq of [199, 0])
      expect(await eventsAfter(seq)).toEqual({ ...near, events: undefined, server_time: expect.any(Number) });
    await eventsAfter(200);
    expect(read.mock.calls.filter(([position]) => position.seq < 300)).toEqual([]);
  });

  test('[R271] our own edges read pages at any distance; without limits every client does', async () => {
    const { change, eventsAfter, app } = await startLimited();
    await change(1_500);
    const seqsOf = ({ events }: { events: { seq: number }[] }) => [events[0]?.seq, events.at(-1)?.seq];
    const own: typeof app.inject = app.inject.bind(app);
    expect(seqsOf(await eventsAfter(0, own))).toEqual([1, 1_024]);
    expect(seqsOf(await eventsAfter(1_024, own))).toEqual([1_025, 1_500]);
    const open = await startLimited({ access: { rateLimits: undefined } });
    await open.change(300);
    expect(seqsOf(await open.eventsAfter(0))).toEqual([1, 300]);
  });

  test('a venue with more seats than events sends events from further back', async () => {
    const { change, eventsAfter } = await startLimited({ rows: 50 });
    await change(600);
    expect((await eventsAfter(100)).events).toHaveLength(500);
    expect(await eventsAfter(99)).not.toHaveProperty('events');
  });

  test('a process that has just started reads the recent events from the log, once', async () => {
    const { store, line, change } = await startLimited();
    await change(50);
    const { app, service } = await startInspected({ store, line, access: { rateLimits: generous } });
    const read = vi.spyOn(store, 'eventsAfter');
    const url = (seq: number) => `/api/events?epoch=${service.view.epoch}&after=${seq}`;
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    for (const seq of [10, 10, 40]) {
      expect((await app.inject({ url: url(seq), headers })).json().events).toHaveLength(50 - seq);
    }
    expect(read.mock.calls.filter(([position]) => position.seq === 10)).toHaveLength(1);
  });
});

describe('[R341] requests cost points in proportion to their load', () => {
  const access = { rateLimits: { ...generous, requestsPerSecondPerAddress: 40 } };
  test.each([
    ['/health', 40],
    ['/api/seats', 20],
    ['/api/venue', 20],
    ['/api/events?epoch=e&after=0', 20],
    ['/api/docs/static/swagger-ui.css', 5],
    ['/api/docs/json', 5],
    ['/inspect/states', 8],
  ])('%s: %i a second of 40 points', async (url, served) => {
    const { ask } = await startLimited({ access });
    const replies = await times(60, () => ask({ url }));
    expect([countOf(replies, 200), countOf(replies, 429)]).toEqual([served, 60 - served]);
  });

  test('a request that costs more than the remaining points takes all of them', async () => {
    const { ask } = await startLimited({
      access: { rateLimits: { ...generous, requestsPerSecondPerAddress: 2 } },
      rows: 50,
    });
    expect(countOf(await times(4, () => ask({ url: '/api/venue' })), 200)).toBe(1);
  });

  test('[R345] the sessions of one address have together ten times the points of one', async () => {
    const { ask, app } = await startLimited({
      access: { rateLimits: { ...generous, requestsPerSecondPerAddress: 10 } },
    });
    const begun = await times(15, () => app.inject({ method: 'POST', url: '/api/session' }));
    const tokens = begun.map((reply) => reply.json().token as string);
    const read = (token = '', address = '203.0.113.7') =>
      ask({ url: '/health', headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': address } });
    await Promise.all(tokens.map((token, index) => read(token, `198.51.100.${index}`))); // verified from now on
    const replies = await Promise.all(tokens.flatMap((token) => Array.from({ length: 8 }, () => read(token))));
    expect([countOf(replies, 200), countOf(replies, 429)]).toEqual([100, 20]);
    expect((await read(tokens[0], '203.0.113.8')).statusCode).toBe(200);
  });
});

describe('[R343] [R344] [G10] refusals', () => {
  const evil = { origin: 'https://evil.example.com', host: 'localhost' };
  const access = { rateLimits: { ...generous, requestsPerSecondPerAddress: 10 } };

  test('of an Origin or a Host count like all other requests', async () => {
    for (const headers of [evil, { host: 'evil.example.com', origin: 'http://evil.example.com' }]) {
      const { ask } = await startLimited({ access });
      const replies = await times(30, () => ask({ method: 'POST', url: '/api/session', headers }));
      expect([countOf(replies, 403), countOf(replies, 429)]).toEqual([10, 20]);
    }
  });

  test('[R316] so do preflights, and the page can read a refusal', async () => {
    const { ask } = await startLimited({ access: { ...access, allowedOrigins: ['https://partner.example'] } });
    const headers = { origin: 'https://partner.example', host: 'localhost', 'access-control-request-method': 'POST' };
    const replies = await times(15, () => ask({ method: 'OPTIONS', url: '/api/session', headers }));
    expect([countOf(replies, 204), countOf(replies, 429)]).toEqual([10, 5]);
    const refused = await ask({ method: 'POST', url: '/api/session', headers });
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([429, headers.origin]);
  });

  test('are counted by code, and logged once a minute for each code and address, with their number', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { ask, app, logged } = await startLimited();
    logged.length = 0;
    const refuse = (address: string) =>
      ask({ method: 'POST', url: '/api/session', headers: { ...evil, 'x-forwarded-for': address } });
    for (let i = 0; i < 50; i++) await refuse('203.0.113.1');
    await refuse('203.0.113.2');
    await ask({ url: '/api/session' });
    const turnedAway = () => logged.filter(({ reason }) => reason !== undefined).map(({ reason, ip }) => [reason, ip]);
    const first = [
      ['FORBIDDEN', '203.0.113.1'],
      ['FORBIDDEN', '203.0.113.2'],
      ['UNAUTHENTICATED', '203.0.113.7'],
    ];
    expect(turnedAway()).toEqual(first);
    vi.advanceTimersByTime(60_000);
    expect(logged.at(-1)).toMatchObject({ others: 49, msg: 'Other requests refused in the same minute' });
    for (let i = 0; i < 300; i++) await refuse(`198.51.${i % 200}.${i}`);
    expect(turnedAway()).toHaveLength(first.length + 100);
    const { payload } = await app.inject({ url: '/metrics' });
    expect(payload).toMatch(/^http_refusals_total\{code="FORBIDDEN"\} 351$/m);
    vi.useRealTimers();
  });

  test('[R242] no part of a request is logged at length, or as characters on which a terminal acts', async () => {
    const { ask, logged } = await startLimited();
    const path = `/api/session/\u009b2J\u0085${'x'.repeat(3_000)}`;
    await ask({ method: 'POST', url: path, headers: { ...evil, 'x-forwarded-for': `\u009b${'y'.repeat(3_000)}` } });
    const line = JSON.stringify(logged.find(({ msg }) => msg === 'Request refused'));
    expect(line).toContain('/api/session/');
    expect(line).toMatch(/^[\x20-\x7e…]*$/);
    expect(line.length).toBeLessThan(700);
    const { message } = (await ask({ url: `/none/${'z'.repeat(3_000)}` })).json().error;
    expect(message.length).toBeLessThan(200);
  });
});

describe('[R342] [G8] the Host of a request', () => {
  test('a name that an attacker points here gets no access to the API; our own names do', async () => {
    const { ask } = await startLimited({ access: { allowedHosts: ['tickets.example.org'] } });
    const rebound = { host: 'evil.example.com:8080', origin: 'http://evil.example.com:8080' };
    const command = { method: 'POST', url: '/api/seats/select', payload: { seat_id: 'A1', user_id: 'ann' } } as const;
    for (const options of [command, { url: '/api/seats' }, { url: '/api/docs/json' }]) {
      const refused = await ask({ ...options, headers: rebound });
      expect([refused.statusCode, refused.json().error.code]).toEqual([403, 'FORBIDDEN']);
      expect(refused.json().error.message).toMatch(/evil\.example\.com:8080.*ALLOWED_HOSTS/);
      for (const host of ['tickets.example.org', 'booking:8080', '127.0.0.1:8080']) {
        expect((await ask({ ...options, headers: { host } })).statusCode, host).toBe(200);
      }
    }
    expect(
      (
        await ask({
          ...command,
          headers: { ...rebound, 'x-forwarded-proto': 'https', origin: 'https://evil.example.com:8080' },
        })
      ).statusCode,
    ).toBe(200);
    expect((await ask({ url: '/health', headers: rebound })).statusCode, 'a probe').toBe(200);
  });
});

test.each([
  ['is unavailable', new StoreUnavailableError('OOM command not allowed 10.1.2.3:6379 f_0123abcd')],
  ['does not reply', new StoreTimeoutError('OOM command not allowed 10.1.2.3:6379 f_0123abcd')],
  ['lost the venue', new VenueLostError('OOM command not allowed 10.1.2.3:6379 f_0123abcd')],
  ['fails in a way that nobody foresaw', new Error('OOM command not allowed 10.1.2.3:6379 f_0123abcd')],
])('[R349] [G9] what the store says reaches no client: a store that %s', async (_, error) => {
  const { store, service, ask } = await startLimited();
  const { epoch } = service.view;
  for (const method of ['open', 'eventsAfter', 'decide', 'checkWritable'] as const) {
    vi.spyOn(store, method).mockRejectedValue(error);
  }
  const requests: InjectOptions[] = [
    ...['/api/seats', '/api/venue', `/api/events?epoch=${epoch}&after=0`, '/ready', '/health', '/metrics'],
    ...['/inspect/history', '/inspect/states', '/inspect/settings', '/api/session'],
  ].map((url) => ({ url, headers: { 'x-venue-stale': 'refuse' } }));
  const payload = { seat_id: 'A1', user_id: 'ann' };
  requests.push(
    ...['select', 'book', 'release'].map((action) => ({
      method: 'POST' as const,
      url: `/api/seats/${action}`,
      payload,
    })),
  );
  const failed = await Promise.all(requests.map((options) => ask(options)));
  expect(countOf(failed, 200)).toBeLessThan(requests.length / 2);
  for (const { body, headers } of failed) expect(JSON.stringify([body, headers])).not.toMatch(/OOM|6379|f_0123/);
});

test('[R353] the large files of the documentation come from memory, compressed, and are requested once a day', async () => {
  const { app } = await startLimited();
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css']) {
    const url = `/api/docs/static/${name}`;
    const plain = await app.inject({ url });
    const compressed = await app.inject({ url, headers: { 'accept-encoding': 'br, gzip' } });
    expect(compressed.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(compressed.headers['cache-control']).toBe('public, max-age=86400');
    expect(compressed.headers['content-type']).toMatch(name.endsWith('css') ? /^text\/css/ : /javascript/);
    expect(compressed.rawPayload.length).toBeLessThan(plain.rawPayload.length / 3);
    expect(gunzipSync(compressed.rawPayload).equals(plain.rawPayload)).toBe(true);
    expect(plain.headers).not.toHaveProperty('content-encoding');
    const refusing = await app.inject({ url, headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refusing.headers).not.toHaveProperty('content-encoding');
    const again = await app.inject({ url, headers: { 'if-none-match': String(plain.headers.etag) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  }
});
