import { execFileSync } from 'node:child_process';
import type { IncomingHttpHeaders } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { parseAllowedOrigins } from '../../src/http/origin.ts';
import { parseTrustedProxies } from '../../src/http/trusted-proxies.ts';
import { rulesOf } from '../../src/launch/nginx.ts';
import { close, failures, hangs, setUp, setUpTwo, tearDown, tries } from './nginx-fixture.ts';

afterEach(tearDown);

async function connectedEdge(url: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  const name = await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.terminate();
  return String(name);
}

test('the API gets host, client address and request id from nginx, not from the client', async () => {
  const { url } = await setUp();
  const response = await fetch(`${url}/api/seats`, {
    headers: { 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '1.2.3.4' },
  });
  const { headers } = (await response.json()) as { headers: Record<string, string> };
  expect(headers).toMatchObject({ host: new URL(url).host, 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1' });
  expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
});

describe('[R311] [R318] a proxy in front of nginx', () => {
  const told = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7', 'x-forwarded-proto': 'https' };
  const forwardedBy = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(`${url}/api/seats`, { headers });
    return { ...((await response.json()) as { headers: Record<string, string> }), response };
  };
  const hstsOf = (response: Response) => response.headers.get('strict-transport-security');

  test.each(['127.0.0.1', '127.0.0.1,::1', '127.0.0.0/8', 'loopback'])(
    'that is trusted (%s) is believed',
    async (proxies) => {
      const { url } = await setUp({ TRUSTED_PROXIES: proxies });
      const { headers, response } = await forwardedBy(url, told);
      expect(headers).toMatchObject({
        'x-forwarded-for': '203.0.113.7',
        'x-real-ip': '203.0.113.7',
        'x-forwarded-proto': 'https',
      });
      expect(hstsOf(response)).toBe('max-age=31536000; includeSubDomains');
      expect(hstsOf(await fetch(`${url}/styles.css`, { headers: told }))).not.toBeNull();
    },
  );

  test('of several, the address before the last trusted one counts; the nearest proxy reports the scheme', async () => {
    const { url } = await setUp({ TRUSTED_PROXIES: 'loopback,203.0.113.0/24' });
    const { headers } = await forwardedBy(url, told);
    expect(headers).toMatchObject({ 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'https' });
    for (const [proto, expected] of [
      ['http', 'http'],
      ['http, https', 'https'],
      ['https,http', 'http'],
      ['HTTPS', 'https'],
      ['javascript', 'http'],
      ['', 'http'],
    ] as const) {
      const forwarded = await forwardedBy(url, { ...told, 'x-forwarded-proto': proto });
      expect(forwarded.headers['x-forwarded-proto'], proto).toBe(expected);
      expect(hstsOf(forwarded.response) !== null, proto).toBe(expected === 'https');
    }
    const alone = await forwardedBy(url, { 'x-forwarded-proto': 'https' });
    expect(alone.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' });
  });

  test.each(['', '10.0.0.0/8', '::1'])('that is not trusted (%j) is not believed', async (proxies) => {
    const { url } = await setUp({ TRUSTED_PROXIES: proxies });
    const { headers, response } = await forwardedBy(url, told);
    expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    expect(hstsOf(response)).toBeNull();
  });
});

describe('[R316] a page of an allowed origin can read the replies of nginx itself', () => {
  const long = `https://${'very-long-name.'.repeat(15)}example`;
  const origins = `https://Partner.example:443/,http://localhost:5173,${long}`;

  test('the refusals, and nothing twice', async () => {
    const { url, booking } = await setUp({ ALLOWED_ORIGINS: origins });
    const ask = (path: string, origin: string, body?: string) =>
      fetch(`${url}${path}`, { headers: { origin }, ...(body !== undefined && { method: 'POST', body }) });
    const proxied = await ask('/api/seats', 'https://partner.example');
    expect(proxied.headers.get('access-control-allow-origin'), 'the booking service says that').toBeNull();
    close(booking.server);
    for (const origin of ['https://partner.example', 'http://localhost:5173', long]) {
      for (const [response, status] of [
        [await ask('/api/seats', origin), 503],
        [await ask('/api/seats/select', origin, '{}'), 503],
        [await ask('/api/seats/select', origin, 'x'.repeat(20_000)), 413],
      ] as const) {
        expect(response.status).toBe(status);
        expect(response.headers.get('access-control-allow-origin')).toBe(origin);
        expect(response.headers.get('access-control-expose-headers')).toContain('Retry-After');
        expect(response.headers.get('vary')).toContain('Origin');
        await response.text();
      }
    }
    for (const origin of ['https://evil.example', 'https://partner.example.evil.example', 'null']) {
      const response = await ask('/api/seats', origin);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      await response.text();
    }
  });
});

test.each([
  { TRUSTED_PROXIES: '', ALLOWED_ORIGINS: '', EDGES: 'edge:3000', BOOKINGS: 'booking:8080' },
  { TRUSTED_PROXIES: '', ALLOWED_ORIGINS: '', EDGES: 'edge:3000,edge:3000', BOOKINGS: 'booking:8080' },
  {
    TRUSTED_PROXIES: '127.0.0.1/32,::1/128',
    ALLOWED_ORIGINS: 'https://partner.example',
    EDGES: 'edge-1:3000,edge-2:3000',
    BOOKINGS: 'one:8080,two:8080',
    RATE_LIMIT: 'off',
  },
  {
    TRUSTED_PROXIES: ' Loopback, 100.64.0.0/10 ,linklocal,uniquelocal,2001:DB8::/32',
    ALLOWED_ORIGINS: ' https://X.org:443/ ,http://y.org:80,http://z.org:8080/',
    EDGES: 'edge-1:3000, edge-2:3000, edge-3:3000',
    BOOKINGS: 'booking:8080',
    RATE_LIMIT: 'on',
    REQUESTS_PER_SECOND_PER_ADDRESS: '30',
    CONNECTIONS_PER_ADDRESS: '7',
  },
])('[R311] [R316] [R359] the image of nginx makes the same of %j', (settings) => {
  const { TRUSTED_PROXIES, ALLOWED_ORIGINS, RATE_LIMIT = 'on' } = settings;
  const list = (text: string) => text.split(',').map((item) => item.trim());
  const rules = rulesOf({
    trustedProxies: parseTrustedProxies(TRUSTED_PROXIES),
    allowedOrigins: parseAllowedOrigins(ALLOWED_ORIGINS),
    edges: list(settings.EDGES),
    bookings: list(settings.BOOKINGS),
    ...(RATE_LIMIT === 'on' && {
      addressLimits: {
        requestsPerSecond: Number(settings.REQUESTS_PER_SECOND_PER_ADDRESS ?? 100),
        connections: Number(settings.CONNECTIONS_PER_ADDRESS ?? 200),
      },
    }),
  });
  const script = `. nginx/rules.envsh; ${Object.keys(rules)
    .map((name) => `printf "%s\\n" "$${name}"`)
    .join('; ')}`;
  const env = { PATH: process.env.PATH, ...settings };
  const printed = execFileSync('sh', ['-euc', script], { env, encoding: 'utf8' }).trimEnd().split('\n');
  expect(printed).toEqual(Object.values(rules));
});

test('[R120] the page comes from the booking service', async () => {
  const { url } = await setUp();
  expect(await (await fetch(url)).json()).toMatchObject({ name: 'booking', url: '/' });
});

test('[R120] without one the page: typed, compressed, revalidated; an unknown path is 404', async () => {
  const { url, booking } = await setUp();
  close(booking.server);
  const page = await fetch(url);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-encoding')).toBe('gzip');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const etag = page.headers.get('etag') ?? '';
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await fetch(`${url}/app.js`)).headers.get('content-type')).toContain('text/javascript');
  expect((await fetch(`${url}/no-such-page`)).status).toBe(404);
});

test('sockets go to one edge while it runs, and to the other when it is gone', async () => {
  const { url, edges } = await setUp();
  const first = await connectedEdge(url);
  expect(await connectedEdge(url)).toBe(first);
  const dead = edges[first === 'a' ? 0 : 1];
  if (dead) close(dead.server);
  expect(await connectedEdge(url)).toBe(first === 'a' ? 'b' : 'a');
});

test('a booking service out of reach and a body too large are refused in the shape of the API', async () => {
  const { url, booking } = await setUp();
  const post = (body: string) => fetch(`${url}/api/seats/select`, { method: 'POST', body });
  const tooLarge = await post('x'.repeat(20_000));
  expect(tooLarge.status).toBe(413);
  expect(await tooLarge.json()).toMatchObject({ success: false, error: { code: 'TOO_LARGE', retryable: false } });

  close(booking.server);
  const unreachable = await post('{}');
  expect(unreachable.status).toBe(503);
  expect(unreachable.headers.get('content-type')).toContain('application/json');
  expect(await unreachable.json()).toMatchObject({ error: { code: 'STORE_UNAVAILABLE', retryable: true } });
});

describe('[R36] [G4] a command without a reply of the first booking process goes to the next, with the same key', () => {
  test('if it hangs', async () => {
    const { bookings, post } = await setUpTwo();
    hangs.add('one');
    for (let i = 0; i < tries && bookings[0].attempts.length === 0; i++) {
      expect(await (await post()).json()).toMatchObject({ name: 'two', url: '/api/seats/select' });
    }
    const [first, second] = [bookings[0].attempts[0], bookings[1].attempts.at(-1)];
    expect(first?.['x-attempt']).toBeUndefined();
    expect(second?.['x-attempt']).toBe('2');
    expect(first?.['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
    expect(second?.['idempotency-key']).toBe(first?.['idempotency-key']);
  });

  test('if it has died', async () => {
    const { bookings, post } = await setUpTwo();
    close(bookings[0].server);
    for (let i = 0; i < tries; i++) expect(await (await post()).json()).toMatchObject({ name: 'two' });
    expect(bookings[1].attempts.map((headers) => headers['x-attempt'])).toContain('2');
  });

  test('if none replies: TIMEOUT, which may be retried', async () => {
    const { post } = await setUpTwo();
    hangs.add('one').add('two');
    const response = await post();
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ success: false, error: { code: 'TIMEOUT', retryable: true } });
  });

  test('a key of the client is kept', async () => {
    const { post, attempts } = await setUpTwo();
    await post({ 'idempotency-key': 'a-key-of-the-client', 'x-attempt': '7' });
    expect(attempts()).toEqual([['a-key-of-the-client', undefined]]);
  });
});

describe('[R281] [G7] a booking process that replies, but fails', () => {
  test.each([
    [503, 'STORE_UNAVAILABLE'],
    [503, 'BUSY'],
    [504, 'TIMEOUT'],
    [500, 'INTERNAL'],
  ])('%i %s: the command goes to the next one, as a repeat with the same key', async (status, code) => {
    const { bookings, post } = await setUpTwo();
    failures.set('one', { status, code });
    for (let i = 0; i < 2 * tries; i++) expect(await (await post()).json()).toMatchObject({ name: 'two' });
    const [failed] = bookings[0].attempts;
    const repeated = bookings[1].attempts.find((headers) => headers['idempotency-key'] === failed?.['idempotency-key']);
    expect(failed).toBeDefined();
    expect(repeated?.['x-attempt']).toBe('2');
  });

  test.each([400, 401, 403, 404, 409, 429])('a %i is an answer: it is not repeated', async (status) => {
    const { post, attempts } = await setUpTwo();
    for (const name of ['one', 'two']) failures.set(name, { status, code: 'SEAT_HELD' });
    const response = await post();
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code: 'SEAT_HELD' } }]);
    expect(attempts()).toHaveLength(1);
  });

  test('both: the last refusal with its Retry-After, after a few attempts, and either one is used as soon as it works', async () => {
    const { post, get, attempts } = await setUpTwo();
    for (const name of ['one', 'two']) failures.set(name, { status: 503, code: 'STORE_UNAVAILABLE' });
    for (let i = 0; i < tries; i++) {
      const response = await post();
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
      expect(await response.json()).toMatchObject({ error: { message: expect.stringMatching(/of (one|two)$/) } });
    }
    expect(attempts().length).toBeLessThanOrEqual(tries * 3);
    failures.delete('two');
    expect(await (await post()).json(), 'nginx has not given up on all of them').toMatchObject({ name: 'two' });
    expect((await get('/api/events?epoch=e&after=0')).status).toBe(200);
  });

  test.each(['/api/seats', '/api/venue', '/api/events?epoch=e&after=0', '/api/session'])(
    'GET %s comes from the next one',
    async (path) => {
      const { get } = await setUpTwo();
      failures.set('one', { status: 503, code: 'STORE_UNAVAILABLE' });
      for (let i = 0; i < tries; i++) expect(await (await get(path)).json()).toMatchObject({ name: 'two' });
    },
  );

  test('both: a read takes the stale venue, any other its refusal', async () => {
    const { get } = await setUpTwo();
    for (const name of ['one', 'two']) failures.set(name, { status: 503, code: 'STORE_UNAVAILABLE' });
    for (let i = 0; i < tries; i++) {
      expect(await (await get('/api/seats')).json()).toMatchObject({ headers: { 'x-venue-stale': 'accept' } });
    }
    const events = await get('/api/events?epoch=e&after=0');
    expect([events.status, await events.json()]).toMatchObject([503, { error: { code: 'STORE_UNAVAILABLE' } }]);
  });

  test('the only one: its refusal, after one attempt, and reads as the client requests them', async () => {
    const { url, booking } = await setUp();
    failures.set('booking', { status: 503, code: 'STORE_UNAVAILABLE' });
    const response = await fetch(`${url}/api/seats/select`, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
    expect(await response.json()).toMatchObject({ error: { message: 'STORE_UNAVAILABLE of booking' } });
    expect(booking.attempts).toHaveLength(1);
    failures.clear();
    const { headers } = (await (await fetch(`${url}/api/seats`)).json()) as { headers: IncomingHttpHeaders };
    expect(headers).not.toHaveProperty('x-venue-stale');
  });

  test('and hangs then: a read still comes from the next one in time', async () => {
    const { get } = await setUpTwo();
    hangs.add('one');
    for (let i = 0; i < tries; i++) expect(await (await get('/api/seats')).json()).toMatchObject({ name: 'two' });
  });
});
