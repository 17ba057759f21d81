import type { InjectOptions } from 'fastify';
import { SignJWT } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Access } from '../../src/identity/access.ts';
import { newSessionKey, parseSessionKeys } from '../../src/identity/session-keys.ts';
import { Sessions } from '../../src/identity/sessions.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { startRedis } from '../support/servers.ts';
import { useServers } from '../support/use-servers.ts';
import { becomesReady, newBooking, testAccess } from './booking-fixture.ts';

const servers = useServers();

async function startWith(access: Partial<Access> = {}, maxHoldsPerUser = 100) {
  const booking = await newBooking({ ...servers, access, maxHoldsPerUser });
  onTestFinished(() => booking.app.close());
  await becomesReady(booking);
  const ask = (options: InjectOptions) => booking.app.inject(options);
  return {
    ask,
    post: (url: string, payload: object | undefined, headers: Record<string, string> = {}) =>
      ask({ method: 'POST', url, headers, ...(payload && { payload }) }),
    begin: async (headers: Record<string, string> = {}): Promise<Required<SessionReply> & { cookie: string }> => {
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
      expect((await ask({ url: '/api/session', headers })).json()).toMatchObject({ user_id, expires_at });
    }
  });

  test('behind TLS, as a trusted proxy reports, the cookie is Secure', async () => {
    const { begin } = await startWith();
    expect((await begin({ 'x-forwarded-proto': 'https' })).cookie).toContain('Secure');
  });

  test('[R989] behind TLS the cookie has the prefix __Host-, and no other host of the domain can put its own in its place', async () => {
    const { begin, ask } = await startWith();
    const behindTls = { 'x-forwarded-proto': 'https' };
    const [own, other] = [await begin(behindTls), await begin(behindTls)];
    expect(own.cookie).toMatch(new RegExp(`^__Host-session=${own.token}; `));
    const userOf = async (cookie: string) => {
      const reply = await ask({ url: '/api/session', headers: { ...behindTls, cookie } });
      return reply.json().user_id;
    };
    expect(await userOf(`session=${other.token}; __Host-session=${own.token}`)).toBe(own.user_id);
    expect(await userOf(`__Host-session=${own.token}; session=${other.token}`)).toBe(own.user_id);
    expect(await userOf(`session=${other.token}; __Host-session=garbage`), 'no way around it').toBeUndefined();
    // A session from before the prefix stays valid, with the same user and a new cookie.
    expect(await userOf(`session=${own.token}`)).toBe(own.user_id);
    expect(await begin({ ...behindTls, ...withCookie(own.token) })).toMatchObject({
      user_id: own.user_id,
      cookie: expect.stringMatching(/^__Host-session=/),
    });
  });

  test('with a valid session: the same user, so that holds stay; with an invalid one: another user', async () => {
    const { begin } = await startWith();
    const { user_id, token } = await begin();
    expect((await begin(withCookie(token))).user_id).toBe(user_id);
    expect((await begin(withCookie(`${token}x`))).user_id).not.toBe(user_id);
  });

  test('[R315] of several cookies of one name the valid one counts, in any company', async () => {
    const { begin, ask } = await startWith({ sessionCookie: 'session_0a1b2c3d' });
    const { user_id, token, cookie } = await begin();
    expect(cookie).toMatch(/^session_0a1b2c3d=/);
    const old = await new SignJWT()
      .setExpirationTime(1_000_000_000)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.alloc(32));
    const forged = await new SignJWT()
      .setExpirationTime('9y')
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.alloc(32));
    const own = `session_0a1b2c3d=${token}`;
    for (const header of [
      own,
      `session=garbage; ${own}; session_ffffffff=${forged}`,
      `session_0a1b2c3d=garbage; ${own}`,
      `${own}; session_0a1b2c3d=garbage`,
      `session_0a1b2c3d=${old}; ${own}`,
      `session_0a1b2c3d=${forged}; ${own}`,
      `session_0a1b2c3d=; ;=;%%%=%zz; "; session_0a1b2c3d ; __proto__=1; ${own}; session_0a1b2c3dx=1`,
      `${Array.from({ length: 50 }, (_, i) => `session_0a1b2c3d=x${i}`).join('; ')}; ${own}`,
    ]) {
      const reply = await ask({ url: '/api/session', headers: { cookie: header } });
      expect([reply.statusCode, reply.json().user_id], header).toEqual([200, user_id]);
    }
    const other = await ask({ url: '/api/session', headers: { cookie: `session=${token}` } });
    expect(other.statusCode, 'the cookie of another installation').toBe(401);
  });

  test('[R317] [G8] no token reaches a page that does not request one; a program gets it', async () => {
    const { post, ask } = await startWith({ allowedHosts: ['site.example'] });
    const begin = async (headers: Record<string, string>, payload?: object) => {
      const reply = await post('/api/session', payload, { host: 'site.example', ...headers });
      expect(reply.statusCode).toBe(200);
      expect(reply.headers['set-cookie']).toContain('HttpOnly');
      return reply.json();
    };
    const page = { origin: 'http://site.example' };
    for (const headers of [page, { 'sec-fetch-site': 'same-origin' }, { ...page, 'sec-fetch-site': 'same-origin' }]) {
      for (const payload of [undefined, {}, { token: false }]) {
        expect(await begin(headers, payload)).not.toHaveProperty('token');
      }
      expect((await begin(headers, { token: true })).token).toEqual(expect.any(String));
    }
    expect((await begin({ 'sec-fetch-mode': 'cors' })).token, 'fetch of Node').toEqual(expect.any(String));

    const { user_id, token } = await begin(page, { token: true });
    const renewed = await begin({ ...page, ...bearer(token) }, { token: true });
    expect(renewed).toMatchObject({ user_id, token: expect.any(String) });
    expect((await ask({ url: '/api/session', headers: bearer(renewed.token) })).json()).toMatchObject({ user_id });
    expect((await post('/api/session', { token: 'yes' })).statusCode).toBe(400);
  });

  test('[R317] the remaining time is in every reply, so that the clock of a browser does not matter', async () => {
    const { begin, ask } = await startWith();
    const { token, expires_in } = await begin();
    const { expires_in: later } = (await ask({ url: '/api/session', headers: bearer(token) })).json();
    for (const seconds of [expires_in, later]) {
      expect(Number.isInteger(seconds)).toBe(true);
      expect(seconds).toBeGreaterThan(3_590);
      expect(seconds).toBeLessThanOrEqual(3_600);
    }
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

describe('[R222] [G8] the acting user', () => {
  test('is that of the session; a request that names another user is refused, and changes nothing', async () => {
    const { begin, post } = await startWith();
    const { user_id, token } = await begin();
    expect((await post('/api/seats/select', A1, bearer(token))).json()).toMatchObject({ seat: { held_by: user_id } });
    expect((await post('/api/seats/book', { ...A1, user_id }, withCookie(token))).statusCode).toBe(200);
    const forged = await post('/api/seats/select', { seat_id: 'A2', user_id: 'bob' }, bearer(token));
    expect([forged.statusCode, forged.json().error.code]).toEqual([403, 'FORBIDDEN']);
    expect(await servers.admin.exists('seat:A2:lock')).toBe(0);
  });

  test('is never that of a session by its id alone, although held_by is public', async () => {
    const { begin, post } = await startWith();
    const { user_id, token } = await begin();
    await post('/api/seats/select', A1, bearer(token));
    for (const action of ['select', 'book', 'release']) {
      const reply = await post(`/api/seats/${action}`, { ...A1, user_id });
      expect([reply.statusCode, reply.json().error.code]).toEqual([403, 'FORBIDDEN']);
    }
    expect(await servers.admin.get('seat:A1:lock')).toBe(user_id);
  });

  test('AUTH_MODE=required: no user without a session', async () => {
    const { begin, post } = await startWith({ authMode: 'required' });
    expect((await post('/api/seats/select', { ...A1, user_id: 'alice' })).json()).toMatchObject({
      error: { code: 'UNAUTHENTICATED' },
    });
    const { token } = await begin();
    expect((await post('/api/seats/select', A1, bearer(token))).statusCode).toBe(200);
  });
});

describe('[R223] [G8] pages of other hosts', () => {
  test('may read, but their requests change nothing', async () => {
    const { ask, post } = await startWith({
      allowedHosts: ['tickets.example'],
      allowedOrigins: ['https://partner.example'],
    });
    const refused = await post('/api/session', undefined, { origin: 'https://evil.example', host: 'tickets.example' });
    expect(refused.json().error.message).toMatch(
      /This address is not allowed: https:\/\/evil\.example\..*ALLOWED_ORIGINS/,
    );
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

describe('[R316] pages of an allowed origin read what the API replies', () => {
  const allowedHosts = ['tickets.example'];
  const allowedOrigins = ['https://partner.example'];
  const partner = { origin: 'https://partner.example', host: 'tickets.example' };
  const preflight = {
    ...partner,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  };
  const corsHeaders = ({ headers }: { headers: object }) =>
    Object.entries(headers).filter(([name]) => name.startsWith('access-control-'));

  test.each(['/api/seats/select', '/api/session', '/api/seats'])('a preflight for %s', async (url) => {
    const { ask } = await startWith({ allowedHosts, allowedOrigins });
    const reply = await ask({ method: 'OPTIONS', url, headers: preflight });
    expect([reply.statusCode, reply.body]).toEqual([204, '']);
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': 'https://partner.example',
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'Content-Type, Authorization, Idempotency-Key, X-Attempt, If-None-Match',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    expect(reply.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  test('replies, refusals and errors carry the origin itself; a page of another origin gets none of it', async () => {
    const { ask, post } = await startWith({
      allowedHosts,
      allowedOrigins,
      rateLimits: { ...generous, requestsPerSecondPerUser: 1 },
    });
    const held = await post('/api/seats/select', { ...A1, user_id: 'ann' }, partner);
    const tooOften = await post('/api/seats/select', { ...A1, user_id: 'ann' }, partner);
    const replies = [
      held,
      tooOften,
      await ask({ url: '/api/seats', headers: partner }),
      await ask({ url: '/api/session', headers: partner }),
      await ask({ url: '/api/no-such-route', headers: partner }),
      await post('/api/seats/select', { seat_id: 'A1' }, partner),
    ];
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 429, 200, 401, 404, 400]);
    for (const { headers } of replies) {
      expect(headers).toMatchObject({ 'access-control-allow-origin': 'https://partner.example', vary: 'Origin' });
      expect(headers['access-control-expose-headers']).toContain('Retry-After');
    }
    const stranger = { ...partner, origin: 'https://evil.example' };
    const other = [
      await ask({ url: '/api/seats', headers: stranger }),
      await ask({ method: 'OPTIONS', url: '/api/session', headers: { ...preflight, ...stranger } }),
      await ask({ method: 'OPTIONS', url: '/inspect/feed', headers: preflight }),
    ];
    for (const reply of other) expect(corsHeaders(reply)).toEqual([]);
    expect(other[1]?.statusCode).toBe(405);
  });

  test('without the setting there is no such header', async () => {
    const { ask } = await startWith({ allowedHosts });
    expect(corsHeaders(await ask({ url: '/api/seats', headers: partner }))).toEqual([]);
    expect((await ask({ method: 'OPTIONS', url: '/api/session', headers: preflight })).statusCode).toBe(405);
  });
});

const generous = {
  requestsPerSecondPerAddress: 1_000,
  requestsPerSecondPerUser: 1_000,
  sessionsPerMinutePerAddress: 1_000,
  holdsPerAddress: 1_000,
};

describe('[R225] [G9] [G10] limits', () => {
  const rateLimits = {
    requestsPerSecondPerAddress: 8,
    requestsPerSecondPerUser: 3,
    sessionsPerMinutePerAddress: 2,
    holdsPerAddress: 2,
  };
  const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));
  const statuses = (replies: { statusCode: number }[]) => replies.map(({ statusCode }) => statusCode);

  test('a user with too many requests gets a Retry-After; others are not limited', async () => {
    const { post } = await startWith({ rateLimits });
    const select = (user_id: string) => post('/api/seats/select', { ...A1, user_id });
    const replies = await times(5, () => select('alice'));
    expect(statuses(replies)).toEqual([200, 200, 200, 429, 429]);
    expect(replies[4]?.json()).toMatchObject({ success: false, error: { code: 'RATE_LIMITED', retryable: true } });
    expect(Number(replies[4]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await select('bob')).statusCode).toBe(409);
  });

  test('an address with too many requests is limited, and no other; headers of an untrusted proxy do not count', async () => {
    const { ask } = await startWith({ rateLimits });
    const read = (address: string, remoteAddress = '127.0.0.1') =>
      ask({ url: '/health', remoteAddress, headers: { 'x-forwarded-for': address } });
    const replies = await times(10, () => read('203.0.113.7'));
    expect(statuses(replies)).toEqual([...new Array(8).fill(200), 429, 429]);
    expect(replies[9]?.json()).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect((await read('203.0.113.8')).statusCode).toBe(200);
    let spoofed = 0;
    const forged = await times(10, () => read(`198.51.100.${spoofed++}`, '203.0.113.9'));
    expect(statuses(forged).filter((status) => status === 429)).toHaveLength(2);
  });

  test('requests of our own edges are not counted', async () => {
    const { ask } = await startWith({ rateLimits });
    expect(new Set(statuses(await times(30, () => ask({ url: '/health' }))))).toEqual(new Set([200]));
  });

  test('[R312] a session that verifies is counted by itself, not under its address', async () => {
    const { ask, begin, post } = await startWith({
      rateLimits: { ...generous, requestsPerSecondPerAddress: 20, requestsPerSecondPerUser: 15 },
    });
    const { token, user_id } = await begin();
    const address = { 'x-forwarded-for': '203.0.113.7' };
    const read = (headers = {}) => ask({ url: '/health', headers: { ...address, ...headers } });
    const holder = { ...address, ...bearer(token) };
    expect(statuses(await times(40, () => read())).filter((status) => status === 429)).not.toEqual([]);
    const booked = await times(5, () => post('/api/seats/select', A1, holder));
    expect(statuses(booked), `${user_id} is not the crowd`).toEqual(new Array(5).fill(200));
    expect(statuses(await times(40, () => read(bearer(token)))).filter((status) => status === 429)).not.toEqual([]);
  });

  test('[R312] a session that this process has never verified gets through the crowd; forged tokens cost few signatures', async () => {
    const keys = parseSessionKeys(newSessionKey());
    const sessions = new Sessions({ keys, ttlMs: 60_000, maxAgeMs: 60_000 });
    const verify = vi.spyOn(sessions, 'verify');
    const { ask } = await startWith({ sessions, rateLimits: { ...generous, requestsPerSecondPerAddress: 20 } });
    const { token } = await new Sessions({ keys, ttlMs: 60_000, maxAgeMs: 60_000 }).issue();
    const read = (headers = {}) => ask({ url: '/health', headers: { 'x-forwarded-for': '203.0.113.7', ...headers } });
    await times(60, () => read());
    expect((await read(bearer(token))).statusCode).toBe(200);

    verify.mockClear();
    let forged = 0;
    const replies = await times(300, () => read(bearer(`${token}${forged++}`)));
    expect(statuses(replies).filter((status) => status === 429).length).toBeGreaterThan(150);
    expect(verify.mock.calls.length).toBeLessThan(150);
    expect((await read(bearer(token))).statusCode, 'a session that is known').toBe(200);
  });

  test('[R310] IPv6 counts by /64, and IPv4 in IPv6 as IPv4', async () => {
    const { post, ask } = await startWith({ rateLimits });
    const begin = (address: string) => post('/api/session', undefined, { 'x-forwarded-for': address });
    let host = 0;
    expect(statuses(await times(3, () => begin(`2001:db8::${++host}`)))).toEqual([200, 200, 429]);
    expect((await begin('2001:db8:0:1::1')).statusCode).toBe(200);
    const mixed = ['203.0.113.7', '::ffff:203.0.113.7', '::FFFF:CB00:7107'];
    expect(statuses(await times(3, () => begin(mixed[host++ - 3] as string)))).toEqual([200, 200, 429]);
    const reads = await times(10, () =>
      ask({ url: '/health', headers: { 'x-forwarded-for': `2001:db8:9::${++host}` } }),
    );
    expect(statuses(reads)).toEqual([...new Array(8).fill(200), 429, 429]);
    const select = (seat: number) =>
      post(
        '/api/seats/select',
        { seat_id: `B${seat}`, user_id: `user${seat}` },
        { 'x-forwarded-for': `2001:db8:5::${seat}` },
      );
    expect([await select(1), await select(2), await select(3)].map(({ statusCode }) => statusCode)).toEqual([
      200, 200, 429,
    ]);
  });

  test('[R319] a client that connects directly, from an address that is no proxy, is limited as everywhere', async () => {
    const { ask } = await startWith({ rateLimits });
    const replies = await times(10, () => ask({ url: '/health', remoteAddress: '203.0.113.7' }));
    expect(statuses(replies)).toEqual([...new Array(8).fill(200), 429, 429]);
  });

  test('[R319] with an edge key, the edge is recognised by it, and a loopback client is limited too', async () => {
    const { ask } = await startWith({ rateLimits, trustedProxies: [], edgeKey: 'the-key' });
    const read = (headers = {}) => ask({ url: '/health', headers });
    expect(new Set(statuses(await times(30, () => read({ 'x-edge-key': 'the-key' }))))).toEqual(new Set([200]));
    const forwarded = { 'x-edge-key': 'the-key', 'x-forwarded-for': '203.0.113.7' };
    expect(statuses(await times(9, () => read(forwarded)))).toContain(429);
    const direct = await times(9, () => read({ 'x-edge-key': 'a-guess' }));
    expect(statuses(direct)).toContain(429);
    let spoofed = 0;
    const forged = await times(9, () => read({ 'x-forwarded-for': `10.0.0.${++spoofed}` }));
    expect(statuses(forged)).toContain(429);
  });

  test('[R314] every 429 and 503 has the time of a retry in whole seconds', async () => {
    const { ask, post } = await startWith({ rateLimits: { ...rateLimits, requestsPerSecondPerAddress: 1_000 } }, 1);
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const select = (seat_id: string, user_id: string, address = '203.0.113.1') =>
      post('/api/seats/select', { seat_id, user_id }, from(address));
    await select('A1', 'ann');
    await select('A2', 'bob');
    const refused = {
      HOLD_LIMIT: await select('A3', 'ann', '203.0.113.2'),
      'holds of an address': await select('A3', 'cid'),
      'commands of a user': (await times(4, () => select('A1', 'dan', '203.0.113.3')))[3],
      'sessions of an address': (await times(3, () => post('/api/session', undefined, from('203.0.113.4'))))[2],
    };
    for (const [what, reply] of Object.entries(refused)) {
      expect([what, reply?.statusCode]).toEqual([what, 429]);
      expect(reply?.headers['retry-after'], what).toMatch(/^[1-9][0-9]*$/);
      expect(Number(reply?.headers['retry-after']), what).toBeLessThanOrEqual(60);
    }
    const untilFirstEnds = Number(refused.HOLD_LIMIT.headers['retry-after']);
    expect(untilFirstEnds).toBeGreaterThan(20);
    expect(untilFirstEnds).toBeLessThanOrEqual(30);
    expect(refused['sessions of an address']?.json().error.message).toMatch(
      /SESSIONS_PER_MINUTE_PER_ADDRESS.* in \d+ s$/,
    );

    const own = await startRedis();
    onTestFinished(() => own.stop());
    const booking = await newBooking({ redis: own, nats: servers.nats });
    onTestFinished(() => booking.app.close());
    await becomesReady(booking);
    await own.kill();
    const away = await booking.app.inject({
      method: 'POST',
      url: '/api/seats/select',
      payload: { ...A1, user_id: 'ann' },
    });
    expect([away.statusCode, away.headers['retry-after']]).toEqual([503, '1']);
    const ready = await booking.app.inject({ url: '/ready' });
    expect([ready.statusCode, ready.headers['retry-after']]).toEqual([503, '1']);
    expect((await ask({ url: '/api/session' })).headers).not.toHaveProperty('retry-after');
  });

  test('[R313] a released, a repeated or a refused hold costs an address nothing, however long a hold lasts', async () => {
    const { post } = await startWith({ rateLimits: { ...generous, holdsPerAddress: 2 } });
    const act = (action: string, seat_id: string, user_id: string) =>
      post(`/api/seats/${action}`, { seat_id, user_id }, { 'x-forwarded-for': '203.0.113.7' });
    for (let i = 0; i < 30; i++) {
      expect((await act('select', `A${1 + (i % 10)}`, 'ann')).statusCode).toBe(200);
      expect((await act('release', `A${1 + (i % 10)}`, 'ann')).statusCode).toBe(200);
    }
    await post('/api/seats/select', { seat_id: 'B1', user_id: 'zoe' });
    expect(statuses(await times(30, () => act('select', 'B1', 'ann')))).toEqual(new Array(30).fill(409));
    expect(statuses(await times(30, () => act('select', 'C1', 'ann')))).toEqual(new Array(30).fill(200));
    expect((await act('select', 'C2', 'ann')).statusCode).toBe(200);
    expect((await act('select', 'C3', 'ann')).statusCode).toBe(429);
    expect((await act('book', 'C1', 'ann')).statusCode).toBe(200);
    expect((await act('select', 'C3', 'ann')).statusCode).toBe(200);
  });

  test('[R240] the number of seats held from one address is limited, for all its users together; refused holds do not count', async () => {
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
