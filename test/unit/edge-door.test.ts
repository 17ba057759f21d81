import { describe, expect, test } from 'vitest';
import { closeCodes, subprotocol } from '../../src/protocol/close-codes.ts';
import { startEdge, until, upgrade } from './edge-fixture.ts';

const command = { seat_id: 'A1', user_id: 'alice' };
const inAnHour = () => Date.now() / 1000 + 3_600;

describe('[R223] [G8] the Origin of a WebSocket', () => {
  test.each([
    ['of our own', (host: string) => `http://${host}`, 101],
    ['that is allowed', () => 'https://partner.example', 101],
    ['of another host', () => 'https://evil.example', 403],
    ['that hides where it is from', () => 'null', 403],
  ] as const)('%s: %s', async (_, originOf, expected) => {
    const { wsUrl } = await startEdge({ door: { allowedOrigins: ['https://partner.example'] } });
    const { status, socket } = await upgrade(wsUrl, { origin: originOf(new URL(wsUrl).host) });
    expect(status).toBe(expected);
    socket.terminate();
  });
});

test('[R316] [G8] if a trusted proxy serves the site over TLS, a page over plain HTTP cannot open a WebSocket', async () => {
  const { wsUrl } = await startEdge({ door: { trustedProxies: ['127.0.0.1'] } });
  const { host } = new URL(wsUrl);
  const open = async (origin: string, proto: string) => {
    const { status, socket } = await upgrade(wsUrl, { origin, 'x-forwarded-proto': proto });
    socket.terminate();
    return status;
  };
  expect(await open(`http://${host}`, 'https')).toBe(403);
  expect(await open(`https://${host}`, 'https')).toBe(101);
  expect(await open(`http://${host}`, 'http')).toBe(101);
});

test.each([
  ['evil.example.com:8000', 'http', 403],
  ['evil.example.com:8000', 'https', 101],
  ['tickets.example.org', 'http', 101],
  ['seats.local:8000', 'http', 101],
])('[R342] [G8] a WebSocket from a page under the name %s over %s: %i', async (host, proto, expected) => {
  const { wsUrl } = await startEdge({ door: { trustedProxies: ['127.0.0.1'], allowedHosts: ['tickets.example.org'] } });
  const { status, socket } = await upgrade(wsUrl, { host, origin: `${proto}://${host}`, 'x-forwarded-proto': proto });
  expect(status).toBe(expected);
  socket.terminate();
});

describe('[R225] [G10] connections', () => {
  test('are counted per address until they close; a client cannot forge its address', async () => {
    const { edge, wsUrl } = await startEdge({ limits: { connectionsPerAddress: 2 } });
    const first = await upgrade(wsUrl, {});
    await upgrade(wsUrl, {});
    expect((await upgrade(wsUrl, { 'x-forwarded-for': '203.0.113.7' })).status).toBe(429);
    first.socket.close();
    await until(() => edge.clientCount === 1, 'one has left');
    expect((await upgrade(wsUrl, {})).status).toBe(101);
  });

  test('through a trusted proxy count for the address that it forwards', async () => {
    const { wsUrl } = await startEdge({
      limits: { connectionsPerAddress: 1 },
      door: { trustedProxies: ['127.0.0.1'] },
    });
    const from = (address: string) => upgrade(wsUrl, { 'x-forwarded-for': address });
    expect((await from('203.0.113.7')).status).toBe(101);
    expect((await from('203.0.113.8')).status).toBe(101);
    expect((await from('203.0.113.7')).status).toBe(429);
    expect((await from('198.51.100.1, 203.0.113.8')).status, 'what the client put before it').toBe(429);
  });

  test('[R310] of one IPv6 network, and of all spellings of an IPv4 address, are counted together until they close', async () => {
    const { edge, wsUrl } = await startEdge({
      limits: { connectionsPerAddress: 2 },
      door: { trustedProxies: ['127.0.0.1'] },
    });
    const from = (address: string) => upgrade(wsUrl, { 'x-forwarded-for': address });
    const first = await from('2001:db8::1');
    expect([first.status, (await from('2001:DB8:0:0:ffff::2')).status]).toEqual([101, 101]);
    expect((await from('2001:db8::3')).status).toBe(429);
    expect((await from('2001:db8:0:1::1')).status).toBe(101);
    first.socket.close();
    await until(() => edge.clientCount === 2, 'one has left');
    expect((await from('2001:db8::3')).status).toBe(101);
    expect([(await from('203.0.113.7')).status, (await from('::ffff:203.0.113.7')).status]).toEqual([101, 101]);
    expect((await from('::FFFF:CB00:7107')).status).toBe(429);
  });

  test('are limited in total', async () => {
    const { wsUrl } = await startEdge({ limits: { connections: 1 } });
    await upgrade(wsUrl, {});
    expect((await upgrade(wsUrl, {})).status).toBe(503);
  });
});

describe('[R226] [G8] a session', () => {
  test("of the page's cookie is sent with every command, together with the client's address", async () => {
    const { booking, connect } = await startEdge();
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour() });
    const client = await connect([subprotocol], { cookie: 'session=good' });
    client.send({ type: 'SELECT_SEAT', request_id: 1, data: { seat_id: 'A1' } });
    await client.received('ACK');
    const headers = booking.headers.at(-1);
    expect(headers).toMatchObject({ authorization: 'Bearer good', 'x-forwarded-for': '127.0.0.1' });
  });

  test('[R315] comes from the cookie of this installation, not from other cookies', async () => {
    const { booking, connect } = await startEdge({ door: { sessionCookie: 'session_0a1b2c3d' } });
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour() });
    const cookie = 'session=bad; %%%; session_ffffffff=bad; session_0a1b2c3d=good';
    const client = await connect([subprotocol], { cookie });
    client.send({ type: 'SELECT_SEAT', request_id: 1, data: { seat_id: 'A1' } });
    await client.received('ACK');
    expect(booking.headers.at(-1)).toMatchObject({ authorization: 'Bearer good' });
  });

  test('that is in both the cookie and CONNECT is checked once', async () => {
    const { booking, connect } = await startEdge();
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour() });
    const client = await connect([subprotocol], { cookie: 'session=good' });
    client.send({ type: 'CONNECT', request_id: 1, data: { token: 'good' } });
    client.send({ type: 'SELECT_SEAT', request_id: 2, data: { seat_id: 'A1' } });
    await until(() => booking.requests.includes('POST /api/shows/main/seats/select'), 'the command is there');
    await until(() => booking.requests.includes('session'), 'it was checked');
    expect(booking.requests.filter((request) => request === 'session')).toHaveLength(1);
  });

  test('of the cookie does not apply to a socket opened by hand, whose messages name the user', async () => {
    const { booking, connect } = await startEdge();
    const client = await connect(undefined, { cookie: 'session=bad' });
    client.send({ type: 'SELECT_SEAT', request_id: 1, data: command });
    await client.received('ACK');
    expect(booking.headers.at(-1)).not.toHaveProperty('authorization');
  });

  test('may come from a token in CONNECT', async () => {
    const { booking, connect } = await startEdge();
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour() });
    const client = await connect();
    client.send({ type: 'CONNECT', request_id: 1, data: { token: 'good' } });
    client.send({ type: 'SELECT_SEAT', request_id: 2, data: command });
    await until(() => booking.requests.includes('POST /api/shows/main/seats/select'), 'the command is there');
    expect(booking.headers.at(-1)).toMatchObject({ authorization: 'Bearer good' });
  });

  test.each(['cookie', 'token'])('that is unknown (%s) is refused, and the connection closed', async (how) => {
    const { connect } = await startEdge();
    const client = await connect([subprotocol], how === 'cookie' ? { cookie: 'session=bad' } : {});
    if (how === 'token') client.send({ type: 'CONNECT', data: { token: 'bad' } });
    expect(await client.received('ERROR')).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
    expect(await client.closed).toBe(closeCodes.sessionOver.code);
  });

  test('that expires on a live connection closes it', async () => {
    const { booking, connect } = await startEdge({ limits: { sessionCheckMinMs: 20 } });
    booking.sessions.set('short', { user_id: 'u_alice', expires_at: Date.now() / 1000 });
    const client = await connect([subprotocol], { cookie: 'session=short' });
    await until(() => booking.requests.includes('session'), 'it was checked');
    booking.sessions.delete('short');
    expect(await client.closed).toBe(closeCodes.sessionOver.code);
  });

  test('that cannot be checked is checked again later', async () => {
    const { booking, connect } = await startEdge({ limits: { sessionRetryMs: 20 } });
    booking.failure = { status: 503, body: '{}' };
    const client = await connect([subprotocol], { cookie: 'session=bad' });
    await until(() => booking.requests.includes('session'), 'it was tried');
    booking.failure = undefined;
    expect(await client.closed).toBe(closeCodes.sessionOver.code);
  });
});

test.each([
  ['too long', 't'.repeat(5_000)],
  ['longer when it is serialised', '%01'.repeat(2_000)],
])(
  '[R1089] [G9] a token that is %s ends its connection like any invalid session, and spoils no check of others',
  async (_, token) => {
    const { booking, connect } = await startEdge();
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour() });
    const [good, bad] = await Promise.all([
      connect([subprotocol], { cookie: 'session=good' }),
      connect([subprotocol], { cookie: `session=${token}` }),
    ]);
    expect(await bad.received('ERROR')).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
    expect(await bad.closed).toBe(closeCodes.sessionOver.code);
    await until(() => booking.sessionBatches.flat().includes('good'), 'the other check');
    expect(booking.sessionBatches.flat().sort()).toEqual(['good', 'invalid']);
    good.send({ type: 'CONNECT', request_id: 1 });
    await good.received('ACK');
  },
);

test.each([
  ['52 characters is taken over', 'r'.repeat(52), /^r{52}\.1$/],
  ['64 characters, which leave no room for the number of a command, is not', 'r'.repeat(64), /^[^r][\w-]{1,50}\.1$/],
])('[R1090] [G9] a given request id of %s', async (_, id, expected) => {
  const { booking, connect } = await startEdge();
  const client = await connect(undefined, { 'x-request-id': id });
  client.send({ type: 'SELECT_SEAT', data: command });
  await client.received('ACK');
  expect(booking.batches[0]?.[0]?.request_id).toMatch(expected);
});
