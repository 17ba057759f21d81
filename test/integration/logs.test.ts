import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { masterName, startSentinelTopology } from '../support/redis-topologies.ts';
import { startBooking, type TestServer } from '../support/servers.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';

let venue: TestVenue;
beforeAll(async () => {
  venue = await startVenue({ edges: 1, env: { LOG_LEVEL: 'debug' } });
});
afterAll(() => venue?.stop());

type Entry = Record<string, unknown>;
const entries = ({ logFile }: TestServer): Entry[] =>
  readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Entry);
const booking = () => venue.bookings[0] as TestServer;
const logged = (server: TestServer, wanted: Entry) =>
  expect.poll(() => entries(server)).toContainEqual(expect.objectContaining(wanted));

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(new URL(path, venue.url), { method: 'POST', body: JSON.stringify(body), headers });
const beginSession = async () => (await (await post('/api/session', {})).json()) as Required<SessionReply>;

/** An open socket, and nginx's id of the connection. */
async function connect(headers: Record<string, string> = {}): Promise<{ socket: WebSocket; requestId: string }> {
  const socket = new WebSocket(`${venue.url.replace('http', 'ws')}/ws`, subprotocol, { headers });
  onTestFinished(() => socket.terminate());
  const [response] = (await once(socket, 'upgrade')) as [IncomingMessage];
  return { socket, requestId: String(response.headers['x-request-id']) };
}

test('[R241] a command over HTTP: one id in the reply and in the log of the deciding process, and its event by seq', async () => {
  const answer = await post('/api/seats/select', { seat_id: 'A1', user_id: 'ann' });
  const reqId = answer.headers.get('x-request-id') ?? '';
  expect(reqId).toMatch(/^[0-9a-f]{32}$/);
  const { seat } = (await answer.json()) as { seat: { seq: number } };
  await logged(booking(), { reqId, action: 'select', seatIds: ['A1'], userId: 'ann', seqs: [seat.seq] });
  const redis = new Redis(venue.redis.url);
  onTestFinished(() => redis.disconnect());
  const [[, fields] = []] = await redis.xrange('venue:events', `${seat.seq}-0`, `${seat.seq}-0`);
  expect(fields).toEqual(expect.arrayContaining(['type', 'held', 'seat_id', 'A1', 'user_id', 'ann']));
  // The idempotency key of the command is the request's id.
  expect(await redis.exists(`seat:A1:answer:${reqId}:select:ann`)).toBe(1);
});

test('[R241] commands over a WebSocket: the id that nginx gave the connection, and their number on it', async () => {
  const { socket, requestId } = await connect();
  socket.send(JSON.stringify({ type: 'CONNECT', data: { user_id: 'bob' } }));
  for (const seat_id of ['B1', 'B2']) socket.send(JSON.stringify({ type: 'SELECT_SEAT', data: { seat_id } }));
  await logged(booking(), { reqId: `${requestId}.1`, action: 'select', seatIds: ['B1'], userId: 'bob' });
  await logged(booking(), { reqId: `${requestId}.2`, action: 'select', seatIds: ['B2'], userId: 'bob' });
});

test('[R241] nginx and the booking service log a refused request under one id', async () => {
  const { user_id } = await beginSession();
  const answer = await post('/api/seats/select?x=1', { seat_id: 'C1', user_id });
  expect(answer.status).toBe(403);
  const noted = {
    reqId: answer.headers.get('x-request-id'),
    ip: '127.0.0.1',
    method: 'POST',
    path: '/api/seats/select',
  };
  await logged(booking(), { ...noted, reason: 'FORBIDDEN' });
  await logged(venue.nginx, { time: expect.any(String), reqId: noted.reqId, ip: noted.ip, status: 403 });
});

test('[R242] text of a client forges no entry and no id', async () => {
  const direct = (id: string) =>
    fetch(`${booking().url}/api/seats/select`, {
      method: 'POST',
      body: JSON.stringify({ seat_id: 'D1', user_id: 'eve' }),
      headers: { 'x-request-id': id },
    });
  await direct('of-a-program.1');
  await logged(booking(), { reqId: 'of-a-program.1' });
  await direct('"},{"level":"fatal","msg":"forged');
  await direct('x'.repeat(65));
  const forged = '/api/seats/a%0A%7B%22level%22:%22fatal%22,%22msg%22:%22forged%22%7D%0Ab';
  const answer = await post(forged, {}, { origin: 'http://evil.example' });
  expect(answer.status).toBe(403);
  await logged(venue.nginx, { reqId: answer.headers.get('x-request-id'), path: decodeURIComponent(forged) });
  for (const server of [booking(), venue.nginx]) {
    const lines = readFileSync(server.logFile, 'utf8').trim().split('\n');
    expect(lines.filter((line) => line.startsWith('{"level":"fatal"'))).toEqual([]);
    expect(lines.filter((line) => line.includes('x'.repeat(65)))).toEqual([]);
  }
});

test('[R242] no log contains a token, valid or not, from any part of a request', async () => {
  const { token } = await beginSession();
  const bad = `${token.slice(0, -4)}AAAA`;
  const command = { seat_id: 'E1' };
  for (const each of [token, bad]) {
    await post('/api/seats/select', command, { authorization: `Bearer ${each}` });
    await post('/api/seats/book', command, { cookie: `session=${each}` });
    await post(`/api/seats/select?token=${each}`, command, { origin: 'http://evil.example' });
    await post('/api/seats/select', { ...command, user_id: 'someone-else' }, { authorization: `Bearer ${each}` });
    const { socket } = await connect({ cookie: `session=${each}` });
    socket.send(JSON.stringify({ type: 'CONNECT', data: { token: each } }));
    socket.send(JSON.stringify({ type: 'SELECT_SEAT', data: { seat_id: 'E2' } }));
    if (each === bad) await once(socket, 'close');
    else await once(socket, 'message');
  }
  await logged(booking(), { reason: 'UNAUTHENTICATED', path: '/api/seats/select' });
  await logged(booking(), { reason: 'FORBIDDEN', path: '/api/seats/select' });
  for (const { logFile } of [booking(), ...venue.edges, venue.nginx, venue.nats, venue.redis]) {
    const log = readFileSync(logFile, 'utf8');
    // Neither the whole nor the part that names the user.
    for (const part of [token, token.split('.')[1] as string]) expect(log.includes(part), logFile).toBe(false);
  }
});

test('[R1055] each line of a log is JSON, also where the Redis library writes about lost Sentinels', async () => {
  const topology = await startSentinelTopology();
  onTestFinished(() => topology.stop(), 30_000);
  const env = { REDIS_SENTINELS: topology.addresses, REDIS_SENTINEL_MASTER: masterName };
  const server = await startBooking({ natsUrl: venue.nats.url, env });
  onTestFinished(() => server.stop());
  const [, ...others] = topology.sentinels;
  for (const sentinel of others) await sentinel.kill();
  // The next connection asks all Sentinels again, and the library logs those that it cannot subscribe to.
  const admin = new Redis(topology.redises[0]?.url ?? '');
  onTestFinished(() => admin.disconnect());
  await expect
    .poll(async () => {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return readFileSync(server.logFile, 'utf8');
    })
    .toContain('[ioredis] Unhandled error event');
  const lines = readFileSync(server.logFile, 'utf8').trimEnd().split('\n');
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
});
