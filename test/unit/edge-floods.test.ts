import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import { startEdge, until, upgrade } from './edge-fixture.ts';

const flood = closeCodes.tooManyMessages.code;

test.each(['ping', 'pong'] as const)('[R330] [G10] %s frames count like messages', async (frame) => {
  const { connect } = await startEdge({ limits: { messagesPerSecond: 50 } });
  const client = await connect();
  for (let n = 0; n < 60; n++) client.ws[frame]();
  expect(await client.closed).toBe(flood);
});

test('[R330] [G10] bytes count even if they never become a message', async () => {
  const { connect } = await startEdge({ limits: { messagesPerSecond: 2, messageBytes: 100 } });
  const client = await connect();
  for (let n = 0; n < 600; n++) client.ws.send('', { fin: false }); // 22 messages of 114 bytes would be 2,508
  expect(await client.closed).toBe(flood);
});

test('[R330] [G10] the frames of "book all" at their maximum size are not a flood', async () => {
  const { connect } = await startEdge({ limits: { messagesPerSecond: 2, messageBytes: 4096 } });
  const client = await connect();
  const text = JSON.stringify({ type: 'PING', request_id: 'p', padding: 'x'.repeat(4_000) });
  for (let n = 0; n < 22; n++) client.ws.send(text);
  await client.received('ACK', 22);
});

/** A masked, empty pong. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/** A WebSocket that replies to no close frame; the test writes its bytes. */
async function rawWebSocket(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
  );
  await once(socket, 'data');
  return socket;
}

test('[R330] [G10] a flooder is no longer read and is soon disconnected, whatever it does', async () => {
  const { app, edge, port } = await startEdge({ limits: { messagesPerSecond: 50, closeTimeoutMs: 60_000 } });
  const accepted = once(app.server, 'connection') as Promise<[Socket]>;
  const flooder = await rawWebSocket(port);
  const [onEdge] = await accepted;
  const ended = once(onEdge, 'close');
  flooder.write(Buffer.concat(Array(60).fill(pong)));
  await until(() => onEdge.isPaused(), 'the edge stops reading');
  const readBytes = onEdge.bytesRead;
  flooder.write(Buffer.alloc(8 * 1024 * 1024, pong)); // more than the buffers of a connection hold
  await ended;
  expect(onEdge.bytesRead - readBytes).toBeLessThan(256 * 1024);
  await until(() => edge.clientCount === 0, 'it is counted no more');
});

test('[R330] [G10] a client that floods while it is being closed is soon disconnected, too', async () => {
  const { app, edge, port } = await startEdge({ limits: { messagesPerSecond: 50, closeTimeoutMs: 60_000 } });
  const accepted = once(app.server, 'connection') as Promise<[Socket]>;
  const flooder = await rawWebSocket(port);
  const [onEdge] = await accepted;
  flooder.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0])); // breaks the protocol: closed with 1002
  await once(flooder, 'data');
  flooder.write(Buffer.alloc(8 * 1024 * 1024, pong));
  await once(onEdge, 'close');
  await until(() => edge.clientCount === 0, 'it is counted no more');
});

test('[R331] [G9] an address that floods repeatedly is refused for a while; its connections and all others stay', async () => {
  const { app, wsUrl } = await startEdge({
    limits: { messagesPerSecond: 50, arrivalsPerAddress: { burst: 20, perSecond: 0.001 } },
    door: { trustedProxies: ['127.0.0.1'] },
  });
  const from = (address: string) => upgrade(wsUrl, { 'x-forwarded-for': address });
  const neighbour = await from('203.0.113.7');
  for (let floods = 0; floods < 3; floods++) {
    const { status, socket } = await from('203.0.113.7');
    expect(status, 'once, and twice, is no reason').toBe(101);
    for (let n = 0; n < 60; n++) socket.pong();
    expect((await once(socket, 'close'))[0]).toBe(flood);
  }
  await from('203.0.113.7');
  const refused = await from('203.0.113.7');
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(1);
  expect((await from('203.0.113.8')).status).toBe(101);
  neighbour.socket.send('{"type":"PING","request_id":"still here"}');
  await new Promise<void>((resolve) => {
    neighbour.socket.on('message', (data) => data.toString().includes('still here') && resolve());
  });
  expect((await app.inject('/metrics')).body).toContain('edge_clients_terminated_total{reason="flood"} 3');
});
