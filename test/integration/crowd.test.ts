import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { newSessionKey } from '../../src/identity/session-keys.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

let venue: TestVenue;
let pool: Pool;
beforeAll(async () => {
  venue = await startVenue({
    bookings: 2,
    edges: 1,
    env: {
      RATE_LIMIT: 'on',
      HOLD_SECONDS: '600',
      TRUSTED_PROXIES: '127.0.0.2',
      ALLOWED_ORIGINS: 'https://Partner.example/',
      SESSION_COOKIE: 'session_0a1b2c3d',
      SESSION_KEYS: newSessionKey(),
    },
  });
  pool = new Pool(venue.url, { connections: 64 });
});
afterAll(async () => {
  await pool?.destroy();
  await venue?.stop();
});

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Partial<SessionReply> & { success?: boolean; error?: { code: string; message: string } };
}

async function ask(
  path: string,
  options: { headers?: Record<string, string>; body?: object; from?: Pool } = {},
): Promise<Reply> {
  const { headers = {}, body, from = pool } = options;
  const isRead = path === '/api/seats' || path === '/api/venue';
  const reply = await from.request({
    path,
    method: isRead ? 'GET' : 'POST',
    headers,
    body: body ? JSON.stringify(body) : null,
  });
  const text = await reply.body.text();
  return { status: reply.statusCode, headers: reply.headers, body: text === '' ? {} : JSON.parse(text) };
}

const bearer = (token = '') => ({ authorization: `Bearer ${token}` });

test('[R225] 100 browsers of an office, behind one address, all get a session in one second', async () => {
  const replies = await Promise.all(Array.from({ length: 100 }, () => ask('/api/session')));
  expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
  await delay(1_000); // the next second has its own limits
});

test('[R312] 300 requests a second without a session do not prevent a session of the same address from booking', async () => {
  const { token } = (await ask('/api/session')).body;
  let isBooked = false;
  let refused = 0;
  const flood = async () => {
    while (!isBooked || refused <= 100) {
      const replies = await Promise.all(Array.from({ length: 30 }, () => ask('/api/session')));
      refused += replies.filter(({ status }) => status === 429).length;
      for (const { status, headers } of replies)
        if (status === 429) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
      await delay(100);
    }
  };
  const flooding = flood();
  await delay(1_000);
  for (const seat_id of ['A1', 'A2', 'A3']) {
    for (const action of ['select', 'book']) {
      const reply = await ask(`/api/seats/${action}`, { headers: bearer(token), body: { seat_id } });
      expect([reply.status, reply.body.error], `${action} ${seat_id}`).toEqual([200, undefined]);
    }
  }
  const socket = new WebSocket(`${venue.url.replace('http', 'ws')}/ws`, 'seat-booking.v1', {
    headers: { cookie: `session=other; session_0a1b2c3d=${token}` },
  });
  const messages: { type: string; request_id?: number }[] = [];
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(JSON.stringify({ type: 'CONNECT', data: {} }));
  for (const [request_id, seat_id] of ['B1', 'B2', 'B3'].entries()) {
    socket.send(JSON.stringify({ type: 'SELECT_SEAT', request_id, data: { seat_id } }));
  }
  const answers = () => messages.filter(({ request_id }) => request_id !== undefined);
  await expect.poll(() => answers().map(({ type }) => type)).toEqual(['ACK', 'ACK', 'ACK']);
  socket.terminate();
  isBooked = true;
  await flooding; // until more than 100 requests were refused
});

describe('[R311] the address of a client', () => {
  const cookies = ({ headers }: Reply) => String(headers['set-cookie']);

  test('is the one that a trusted proxy in front of nginx forwards; behind its TLS the cookie is Secure', async () => {
    const proxy = new Pool(venue.url, { connections: 8, localAddress: '127.0.0.2' });
    const replies: Reply[] = [];
    for (let i = 0; i < 400; i++) {
      const headers = { 'x-forwarded-for': `198.51.${i >> 8}.${i & 255}`, 'x-forwarded-proto': 'https' };
      replies.push(await ask('/api/session', { headers, from: proxy }));
    }
    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    for (const reply of replies) expect(cookies(reply)).toMatch(/^__Host-session_0a1b2c3d=.*; Secure/);
    await proxy.destroy();
  });

  test('is that of the connection if the client claims another one', async () => {
    const client = new Pool(venue.url, { connections: 8, localAddress: '127.0.0.3' });
    const replies: Reply[] = [];
    for (let i = 0; i < 700; i++) {
      const headers = { 'x-forwarded-for': `198.51.${i >> 8}.${i & 255}`, 'x-forwarded-proto': 'https' };
      replies.push(await ask('/api/session', { headers, from: client }));
    }
    // Each of the two booking processes counts by itself.
    expect(replies.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(600);
    expect(replies.map(({ status }) => status)).toContain(429);
    expect(cookies(replies[0] as Reply)).not.toContain('Secure');
    await client.destroy();
  });
});

test('[R316] a page of an allowed origin acts through nginx: a preflight, a token, a command with it, and readable errors', async () => {
  const origin = 'https://partner.example';
  const from = new Pool(venue.url, { localAddress: '127.0.0.4' });
  const preflight = await from.request({
    path: '/api/seats/select',
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  });
  await preflight.body.dump();
  expect(preflight.statusCode).toBe(204);
  expect(preflight.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
  for (const name of ['authorization', 'content-type', 'idempotency-key', 'x-attempt']) {
    expect(String(preflight.headers['access-control-allow-headers']).toLowerCase()).toContain(name);
  }
  const page = { origin, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' };
  const begun = await ask('/api/session', { headers: page, body: { token: true }, from });
  const acting = { ...page, ...bearer(begun.body.token) };
  const held = await ask('/api/seats/select', { headers: acting, body: { seat_id: 'D1' }, from });
  const refused = await ask('/api/seats/select', { headers: page, body: { seat_id: 'D2', user_id: 'u_x' }, from });
  expect([begun.status, held.status, refused.status]).toEqual([200, 200, 403]);
  for (const { headers } of [begun, held, refused]) expect(headers['access-control-allow-origin']).toBe(origin);

  const other = await ask('/api/session', { headers: { ...page, origin: 'https://evil.example' }, from });
  expect([other.status, other.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  expect(other.body.error?.message).toContain('https://evil.example');
  await from.destroy();
});
