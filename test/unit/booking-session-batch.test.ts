import { expect, test } from 'vitest';
import type { SessionInfo } from '../../src/protocol/session.ts';
import { startApi, type TestApi } from './api-fixture.ts';

const check = ({ app }: TestApi, tokens: readonly string[], headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/sessions', payload: { tokens }, headers });

async function begin({ app }: TestApi): Promise<{ user_id: string; token: string }> {
  return (await app.inject({ method: 'POST', url: '/api/session', payload: { token: true } })).json();
}

test('[R813] each token of a batch gets the reply of GET /api/session, in order; one that is not valid holds up no other', async () => {
  const api = await startApi();
  const [alice, bob] = [await begin(api), await begin(api)];
  const reply = await check(api, [alice.token, 'forged', bob.token, `${bob.token}x`]);
  expect(reply.statusCode).toBe(200);
  const { sessions } = reply.json<{ sessions: (SessionInfo | null)[] }>();
  expect(sessions.map((session) => session?.user_id ?? null)).toEqual([alice.user_id, null, bob.user_id, null]);
  const headers = { authorization: `Bearer ${alice.token}` };
  const alone = (await api.app.inject({ url: '/api/session', headers })).json<SessionInfo>();
  expect(sessions[0]?.expires_at).toBe(alone.expires_at);
  expect(sessions[0]?.expires_in).toBeGreaterThan(0);
});

test('[R813] only edges may check sessions, and at most 128 in one request', async () => {
  const api = await startApi();
  expect((await check(api, ['token'], { 'x-forwarded-for': '203.0.113.7' })).statusCode).toBe(404);
  expect((await check(api, new Array(129).fill('token'))).statusCode).toBe(400);
  expect((await check(api, new Array(128).fill('t'.repeat(4_096)))).statusCode).toBe(200);
  expect((await check(api, [])).statusCode).toBe(400);
  const embedded = await startApi({ access: { trustedProxies: [], edgeKey: 'the-key' } });
  expect((await check(embedded, ['token'])).statusCode).toBe(404);
  expect((await check(embedded, ['token'], { 'x-edge-key': 'the-key' })).statusCode).toBe(200);
});

test('[R813] an edge whose address is not trusted is counted for each token', async () => {
  const rateLimits = {
    requestsPerSecondPerAddress: 4,
    requestsPerSecondPerUser: 3,
    sessionsPerMinutePerAddress: 9,
    holdsPerAddress: 2,
  };
  const api = await startApi({ access: { rateLimits } });
  const from = (remoteAddress: string, count: number) =>
    api.app.inject({
      method: 'POST',
      url: '/sessions',
      payload: { tokens: new Array(count).fill('t') },
      remoteAddress,
    });
  expect((await from('198.51.100.1', 4)).statusCode).toBe(200);
  expect((await from('198.51.100.2', 5)).statusCode).toBe(429);
  expect((await from('127.0.0.1', 128)).statusCode).toBe(200);
});
