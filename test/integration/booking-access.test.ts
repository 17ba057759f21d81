import type { InjectOptions } from 'fastify';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Access } from '../../src/identity/access.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { startNats, startRedis, type TestServer } from '../support/servers.ts';
import { becomesReady, newBooking, testAccess } from './booking-fixture.ts';

let redis: TestServer;
let nats: TestServer;
let admin: Redis;

beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
  admin = new Redis(redis.url);
});
afterAll(async () => {
  admin?.disconnect();
  await Promise.all([redis?.stop(), nats?.stop()]);
});
beforeEach(() => admin.flushall());

async function startWith(access: Partial<Access> = {}) {
  const booking = await newBooking({ redis, nats, access });
  onTestFinished(() => booking.app.close());
  await becomesReady(booking);
  const ask = (options: InjectOptions) => booking.app.inject(options);
  return {
    ask,
    post: (url: string, payload: object | undefined, headers: Record<string, string> = {}) =>
      ask({ method: 'POST', url, headers, ...(payload && { payload }) }),
    begin: async (headers: Record<string, string> = {}): Promise<SessionReply & { cookie: string }> => {
      const reply = await ask({ method: 'POST', url: '/api/session', headers });
      expect(reply.statusCode).toBe(200);
      expect(reply.headers['cache-control']).toBe('no-store');
      return { ...reply.json(), cookie: String(reply.headers['set-cookie']) };
    },
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const withCookie = (token: string) => ({ cookie: `theme=dark; session=${token}` });
const A1 = { seat_id: 'A1' };

describe('[R220] sessions over HTTP', () => {
  test('a guest gets a user, a token and a cookie that no script can read', async () => {
    const { begin, ask } = await startWith();
    const { user_id, token, expires_at, cookie } = await begin();
    expect(user_id).toMatch(/^u_/);
    expect(expires_at * 1000 - Date.now()).toBeGreaterThan(3_500_000);
    expect(cookie).toMatch(new RegExp(`^session=${token}; `));
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Secure');
    for (const headers of [bearer(token), withCookie(token)]) {
      expect((await ask({ url: '/api/session', headers })).json()).toEqual({ user_id, expires_at });
    }
  });

  test('behind TLS, as a proxy that is trusted says, the cookie is Secure', async () => {
    const { begin } = await startWith();
    expect((await begin({ 'x-forwarded-proto': 'https' })).cookie).toContain('Secure');
  });

  test('with a session that is good: the same user, so that holds stay; with one that is not: another', async () => {
    const { begin } = await startWith();
    const { user_id, token } = await begin();
    expect((await begin(withCookie(token))).user_id).toBe(user_id);
    expect((await begin(withCookie(`${token}x`))).user_id).not.toBe(user_id);
  });

  test('no session, or a wrong one: 401', async () => {
    const { ask, post } = await startWith();
    expect((await ask({ url: '/api/session' })).statusCode).toBe(401);
    for (const headers of [bearer('a.b.c'), withCookie('a.b.c')]) {
      expect((await ask({ url: '/api/session', headers })).json()).toMatchObject({
        error: { code: 'UNAUTHENTICATED' },
      });
      expect((await post('/api/seats/select', { ...A1, user_id: 'alice' }, headers)).statusCode).toBe(401);
    }
  });
});

describe('[R222] [G8] who acts', () => {
  test('the session says so; whoever names another is refused, and nothing is done', async () => {
    const { begin, post } = await startWith();
    const { user_id, token } = await begin();
    expect((await post('/api/seats/select', A1, bearer(token))).json()).toMatchObject({ seat: { held_by: user_id } });
    expect((await post('/api/seats/book', { ...A1, user_id }, withCookie(token))).statusCode).toBe(200);
    const forged = await post('/api/seats/select', { seat_id: 'A2', user_id: 'bob' }, bearer(token));
    expect([forged.statusCode, forged.json().error.code]).toEqual([403, 'FORBIDDEN']);
    expect(await admin.exists('seat:A2:lock')).toBe(0);
  });

  test('nobody acts for a session by its name alone, though held_by is public', async () => {
    const { begin, post } = await startWith();
    const { user_id, token } = await begin();
    await post('/api/seats/select', A1, bearer(token));
    for (const action of ['select', 'book', 'release']) {
      const reply = await post(`/api/seats/${action}`, { ...A1, user_id });
      expect([reply.statusCode, reply.json().error.code]).toEqual([403, 'FORBIDDEN']);
    }
    expect(await admin.get('seat:A1:lock')).toBe(user_id);
  });

  test('AUTH_MODE=required: nobody without a session', async () => {
    const { begin, post } = await startWith({ authMode: 'required' });
    expect((await post('/api/seats/select', { ...A1, user_id: 'alice' })).json()).toMatchObject({
      error: { code: 'UNAUTHENTICATED' },
    });
    const { token } = await begin();
    expect((await post('/api/seats/select', A1, bearer(token))).statusCode).toBe(200);
  });
});

describe('[R223] [G8] pages of other hosts', () => {
  test('may look, but nothing may come of what they ask', async () => {
    const { ask, post } = await startWith({ allowedOrigins: ['https://partner.example'] });
    const from = (origin: string) => ({ origin, host: 'tickets.example' });
    const command = { ...A1, user_id: 'alice' };
    expect((await post('/api/seats/select', command, from('https://evil.example'))).json()).toMatchObject({
      error: { code: 'FORBIDDEN' },
    });
    expect((await post('/api/session', undefined, from('https://evil.example'))).statusCode).toBe(403);
    expect((await ask({ url: '/api/seats', headers: from('https://evil.example') })).statusCode).toBe(200);
    expect((await post('/api/seats/select', command, from('https://tickets.example'))).statusCode).toBe(200);
    expect((await post('/api/seats/select', command, from('https://partner.example'))).statusCode).toBe(200);
  });
});

describe('[R225] [G9] [G10] limits', () => {
  const rateLimits = {
    requestsPerSecondPerAddress: 8,
    requestsPerSecondPerUser: 3,
    sessionsPerMinutePerAddress: 2,
    holdsPerAddress: 2,
  };
  const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));
  const statuses = (replies: { statusCode: number }[]) => replies.map(({ statusCode }) => statusCode);

  test('a user who asks too often is told when to come again; others are not', async () => {
    const { post } = await startWith({ rateLimits });
    const select = (user_id: string) => post('/api/seats/select', { ...A1, user_id });
    const replies = await times(5, () => select('alice'));
    expect(statuses(replies)).toEqual([200, 200, 200, 429, 429]);
    expect(replies[4]?.json()).toMatchObject({ success: false, error: { code: 'RATE_LIMITED', retryable: true } });
    expect(Number(replies[4]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await select('bob')).statusCode).toBe(409);
  });

  test('an address that asks too often is, and no other; what a proxy that is not trusted says of it does not count', async () => {
    const { ask } = await startWith({ rateLimits });
    const read = (address: string, remoteAddress = '127.0.0.1') =>
      ask({ url: '/api/venue', remoteAddress, headers: { 'x-forwarded-for': address } });
    const replies = await times(10, () => read('203.0.113.7'));
    expect(statuses(replies)).toEqual([...new Array(8).fill(200), 429, 429]);
    expect(replies[9]?.json()).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect((await read('203.0.113.8')).statusCode).toBe(200);
    let spoofed = 0;
    const forged = await times(10, () => read(`198.51.100.${spoofed++}`, '203.0.113.9'));
    expect(statuses(forged).filter((status) => status === 429)).toHaveLength(2);
  });

  test('what our own edges ask is not counted', async () => {
    const { ask } = await startWith({ rateLimits });
    expect(new Set(statuses(await times(30, () => ask({ url: '/api/venue' }))))).toEqual(new Set([200]));
  });

  test('[R240] so many seats are held from one address, by whatever users; what was refused does not count', async () => {
    const { post } = await startWith({ rateLimits });
    const select = (seat_id: string, user_id: string, address: string) =>
      post('/api/seats/select', { seat_id, user_id }, { 'x-forwarded-for': address });
    expect((await select('A1', 'ann', '203.0.113.7')).statusCode).toBe(200);
    expect((await select('A1', 'bob', '203.0.113.7')).statusCode).toBe(409);
    const replies = await Promise.all(['A2', 'A3'].map((seat, i) => select(seat, `user${i}`, '203.0.113.7')));
    expect(statuses(replies).sort()).toEqual([200, 429]);
    const refused = replies.find(({ statusCode }) => statusCode === 429);
    expect(refused?.json()).toMatchObject({ error: { code: 'RATE_LIMITED', retryable: true } });
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await select('A4', 'ann', '203.0.113.8')).statusCode).toBe(200);
  });

  test('sessions are given sparingly to one address', async () => {
    const { post } = await startWith({ rateLimits });
    const begin = (address: string) => post('/api/session', undefined, { 'x-forwarded-for': address });
    expect(statuses(await times(3, () => begin('203.0.113.7')))).toEqual([200, 200, 429]);
    expect((await begin('203.0.113.8')).statusCode).toBe(200);
  });
});

test('[R220] a token of another key is refused, and the same key in another process is not', async () => {
  const access = testAccess();
  const [one, other, stranger] = [await startWith(access), await startWith(access), await startWith()];
  const { token } = await one.begin();
  expect((await other.ask({ url: '/api/session', headers: bearer(token) })).statusCode).toBe(200);
  expect((await stranger.ask({ url: '/api/session', headers: bearer(token) })).statusCode).toBe(401);
});
