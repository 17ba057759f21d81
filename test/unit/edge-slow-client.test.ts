import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { compactSubprotocol } from '../../src/protocol/close-codes.ts';
import { patience } from '../support/patience.ts';
import { startEdge, TestClient, until } from './edge-fixture.ts';

const silentCount = 5000;

/** The socket of a client: pausing it simulates a browser that hangs. */
async function socketOf(client: TestClient): Promise<Socket> {
  const upgrade = once(client.ws, 'upgrade') as Promise<[{ socket: Socket }]>;
  const [{ socket }] = await upgrade;
  return socket;
}

test('[G10] a client that does not read is skipped, and gets the whole venue when it reads again', async () => {
  const { app, booking, bus, wsUrl, connect } = await startEdge({ limits: { clientBufferBytes: 16 * 1024 } });
  const reader = await connect();
  const slow = new TestClient(wsUrl);
  const socket = await socketOf(slow);
  await slow.received('VENUE_STATE');
  socket.pause();

  // More than all kernel buffers hold: several MB.
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < silentCount; n++) bus.emit(booking.hold('A1', `${'u'.repeat(50)}${n % 10}`));
    await until(() => reader.seqs.at(-1) === booking.events.length, 'the reader is not held up');
  }
  const metrics = () => app.inject('/metrics').then(({ body }) => body);
  expect(await metrics()).toContain('edge_clients_slow_total 1');

  socket.resume();
  await slow.received('VENUE_STATE', 2);
  expect(slow.ofType('VENUE_STATE')[1]?.data.seq).toBe(booking.events.length);
  expect(slow.seqs.length).toBeLessThan(booking.events.length);
  expect(await metrics()).toContain('edge_clients_resynced_total 1');

  bus.emit(booking.hold('A2', 'last'));
  await until(() => slow.seqs.at(-1) === booking.events.length, 'updates flow again');
  expect([...slow.seqs].sort((a, b) => a - b)).toEqual(slow.seqs); // never backwards
}, 60_000);

test('[R808] [G10] a client of v2 that does not read is skipped, and gets the whole state when it reads again', async () => {
  const { app, booking, bus, wsUrl } = await startEdge({
    limits: { clientBufferBytes: 16 * 1024, messagesPerSecond: 1e9 },
  });
  const slow = new TestClient(wsUrl, [compactSubprotocol]);
  const socket = await socketOf(slow);
  slow.send({ type: 'CONNECT', request_id: 'c', data: { user_id: 'alice' } });
  await slow.received('ACK');
  socket.pause();
  // The changes alone are too few: the replies exceed all kernel buffers, which hold several MB.
  for (let n = 0; n < 80_000; n++) slow.ws.send(`{"type":"PING","request_id":"${'p'.repeat(64)}"}`);
  const metrics = () => app.inject('/metrics').then(({ body }) => body);
  await vi.waitFor(async () => expect(await metrics()).toContain('edge_clients_slow_total 1'), patience);
  for (let n = 0; n < 2_000; n++) bus.emit(booking.hold(`A${1 + (n % 10)}`, 'alice'));
  socket.resume();
  await until(() => slow.ofType('SEATS').at(-1)?.data.seq === booking.events.length, 'it is up to date');
  expect(slow.ofType('SEATS').at(-1)?.data).toMatchObject({ statuses: `${'1'.repeat(10)}${'0'.repeat(90)}` });
  expect(slow.ofType('SEATS').at(-1)?.data.own).toHaveLength(10);
  expect(await metrics()).toContain('edge_clients_resynced_total 1');
}, 60_000);

test('[R1094] [G5] a client of v2 that names another user while a state is unread is refused: that state has the seats of the former', async () => {
  const { app, booking, connect } = await startEdge();
  const accepted = once(app.server, 'connection');
  const client = await connect([compactSubprotocol]);
  const [socket] = (await accepted) as [Socket];
  booking.hold('A1', 'bob');
  socket.cork(); // nothing is sent
  const handled = async (user_id: string) => {
    const before = socket.writableLength;
    client.send({ type: 'CONNECT', request_id: user_id, data: { user_id } });
    await until(() => socket.writableLength > before, 'the reply is written');
  };
  await handled('alice');
  await handled('bob');
  await handled('alice');
  socket.uncork();
  expect((await client.received('ERROR')).request_id).toBe('bob');
  await client.received('ACK', 2);
  expect(client.ofType('ACK').map(({ request_id }) => request_id)).toEqual(['alice', 'alice']);
});

test('[G10] a client that stays behind is disconnected', async () => {
  const { app, edge, booking, bus, wsUrl } = await startEdge({
    limits: { clientBufferBytes: 16 * 1024, behindTimeoutMs: 200, closeTimeoutMs: 100 },
  });
  const slow = new TestClient(wsUrl);
  const socket = await socketOf(slow);
  socket.pause();
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < silentCount; n++) bus.emit(booking.hold('A1', `${'u'.repeat(50)}${n % 10}`));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await until(() => edge.clientCount === 0, 'the client is gone');
  expect((await app.inject('/metrics')).body).toContain('edge_clients_terminated_total{reason="slow"} 1');
}, 60_000);

test('[G10] a client that sends requests but does not read is not read either', async () => {
  const { app, wsUrl } = await startEdge({
    limits: { clientBufferBytes: 16 * 1024, messagesPerSecond: 1e9, states: { perSecond: 2, burst: 1e9 } },
  });
  const slow = new TestClient(wsUrl);
  const socket = await socketOf(slow);
  socket.pause();
  for (let n = 0; n < 50_000; n++) slow.ws.send('{"type":"subscribe"}');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { body } = await app.inject('/metrics');
  expect(body).toContain('edge_clients_slow_total 1');
  // 50,000 replies would be 350 MB; the kernel buffers some MB before data waits in the process.
  expect(Number(/^edge_frame_bytes_total (\d+)/m.exec(body)?.[1])).toBeLessThan(30e6);
}, 60_000);

test('[R287] [G10] the buffers of all slow clients stay within the budget: the slowest are dropped, readers stay', async () => {
  const clientBuffersBytes = 4 * 1024 * 1024;
  const { app, edge, booking, bus, wsUrl, connect } = await startEdge({ limits: { clientBuffersBytes } });
  const reader = await connect();
  for (let n = 0; n < 10; n++) {
    const slow = new TestClient(wsUrl);
    const socket = await socketOf(slow);
    socket.pause();
  }
  await until(() => edge.clientCount === 11, 'all are connected');
  // More than all kernel buffers hold: several MB.
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < silentCount; n++) bus.emit(booking.hold('A1', `${'u'.repeat(50)}${n % 10}`));
    await until(() => reader.seqs.at(-1) === booking.events.length, 'the reader is not held up');
  }
  await until(() => edge.clientCount < 11, 'some are dropped');
  // Bytes that are new at a check do not drop their client: the budget holds from the check after the last update.
  const metrics = () => app.inject('/metrics').then(({ body }) => body);
  const buffered = async () => Number(/^edge_buffered_bytes (\d+)/m.exec(await metrics())?.[1]);
  await expect.poll(buffered).toBeLessThanOrEqual(clientBuffersBytes);
  expect(await buffered(), 'no more are dropped than need be').toBeGreaterThan(clientBuffersBytes / 4);
  const body = await metrics();
  expect(body).toMatch(/terminated_total\{reason="memory"\} [1-9]/);
  expect(reader.ws.readyState).toBe(reader.ws.OPEN);
}, 60_000);

test('[G10] a peer that replies to no ping is disconnected', async () => {
  const { edge, wsUrl } = await startEdge({ limits: { pingIntervalMs: 100 } });
  const alive = await new TestClient(wsUrl).opened();
  const silent = await new TestClient(wsUrl, [], { autoPong: false }).opened();
  await silent.closed;
  await until(() => edge.clientCount === 1, 'only one is left');
  expect(alive.ws.readyState).toBe(alive.ws.OPEN);
});
