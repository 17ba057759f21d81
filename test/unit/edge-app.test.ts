import { pino } from 'pino';
import { expect, test } from 'vitest';
import { buildEdge } from '../../src/edge/app.ts';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { FakeBus, startEdge, TestClient, until } from './edge-fixture.ts';

test('a draining edge closes its clients with 1012 and accepts no more', async () => {
  const { app, edge, wsUrl, connect } = await startEdge({ limits: { drainBatchClients: 3, drainBatchIntervalMs: 20 } });
  const clients = await Promise.all(Array.from({ length: 10 }, () => connect()));
  const drained = edge.drain();
  expect((await app.inject('/ready')).statusCode).toBe(503);
  const late = new TestClient(wsUrl);
  const refused = new Promise((resolve) =>
    late.ws.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
  );
  expect(await refused).toBe(503);
  expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(Array(10).fill(1012));
  await drained;
  expect(edge.clientCount).toBe(0);
});

test('a client that does not reply to the close frame is terminated in time', async () => {
  const { app, edge, connect } = await startEdge({ limits: { drainTimeoutMs: 300 } });
  const client = await connect();
  client.ws.pause();
  await app.close();
  await until(() => edge.clientCount === 0, 'the client is gone', 10_000);
});

test('an edge starts without other servers and reports that it is not ready', async () => {
  const booking = new BookingClient({ urls: ['http://127.0.0.1:1'] });
  const { app } = buildEdge({
    busOf: () => new FakeBus(),
    booking,
    defaultShow: 'main',
    logger: pino({ level: 'silent' }),
  });
  expect((await app.inject('/health')).json()).toEqual({ status: 'ok' });
  expect((await app.inject('/ready')).statusCode).toBe(503);
  await app.close();
  await booking.close();
});

test('an edge reports readiness and metrics', async () => {
  const { app, connect } = await startEdge();
  await connect();
  expect((await app.inject('/ready')).statusCode).toBe(200);
  const { body, headers } = await app.inject('/metrics');
  expect(headers['content-type']).toContain('text/plain');
  expect(body).toContain('edge_connections 1');
});

test('[G9] only /ws can be upgraded', async () => {
  const { wsUrl } = await startEdge();
  const client = new TestClient(wsUrl.replace('/ws', '/other'));
  const refused = new Promise((resolve) =>
    client.ws.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
  );
  expect(await refused).toBe(404);
});
