import { createServer } from 'node:net';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { compactSubprotocol, subprotocol } from '../../src/protocol/close-codes.ts';
import { allSeatSubjects } from '../../src/protocol/events.ts';
import { startBooking, startEdge, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { brokenHops, nameOf, pathOfCommand } from '../support/trace-path.ts';
import { type ReceivedSpan, receiveTraces } from '../support/trace-receiver.ts';
import { TestClient } from '../unit/edge-fixture.ts';

let redis: TestServer;
let nats: TestServer;
beforeAll(async () => {
  [redis, nats] = await Promise.all([startRedis(), startNats()]);
});
afterAll(async () => {
  await Promise.all([redis?.stop(), nats?.stop()]);
});

interface System {
  booking: TestServer;
  edge: TestServer;
  /** Ends the processes, which export their last spans. */
  stop(): Promise<void>;
}

async function startSystem(prefix: string, env: NodeJS.ProcessEnv): Promise<System> {
  const common = { natsUrl: nats.url, env: { ...env, REDIS_KEY_PREFIX: prefix } };
  const booking = await startBooking({ ...common, redisUrl: redis.url });
  const edge = await startEdge({ ...common, bookingUrls: [booking.url] });
  let stopped: Promise<unknown> | undefined;
  const stop = async () => {
    stopped ??= edge.stop().then(() => booking.stop());
    await stopped;
  };
  onTestFinished(stop);
  return { booking, edge, stop };
}

const clientOf = async ({ edge }: System, userId: string, protocol = subprotocol) => {
  const client = await new TestClient(`${edge.url.replace('http', 'ws')}/ws`, [protocol]).opened();
  client.send({ type: 'CONNECT', data: { user_id: userId } });
  await client.received('ACK');
  return client;
};

/** A command over a WebSocket, until another client has its update. */
async function selectOver(system: System): Promise<void> {
  const [watcher, client] = [await clientOf(system, 'watcher'), await clientOf(system, 'secret-name')];
  client.send({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
  await watcher.received('SEAT_UPDATE');
  await client.received('ACK', 2);
}

async function receiver() {
  const traces = await receiveTraces();
  onTestFinished(() => traces.close());
  return traces;
}

/** The headers of the messages that NATS delivers until the end of the test. */
async function watchHeaders(): Promise<(string[] | undefined)[]> {
  const seen: (string[] | undefined)[] = [];
  const connection = await connect({ servers: nats.url });
  onTestFinished(() => connection.close());
  connection.subscribe(allSeatSubjects, { callback: (_error, { headers }) => void seen.push(headers?.keys()) });
  await connection.flush();
  return seen;
}

test('[R990] [R991] [R997] one command is one connected trace, from the socket to the sockets that get its update', async () => {
  const traces = await receiver();
  const system = await startSystem('connected:', { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url });
  await selectOver(system);
  await system.stop();

  const sampled = traces.spans.filter(({ name }) => pathOfCommand.some(({ span }) => span.endsWith(`: ${name}`)));
  expect(sampled.map(nameOf).toSorted()).toEqual(pathOfCommand.map(({ span }) => span).toSorted());
  expect(brokenHops(sampled)).toEqual([]);
  expect(new Set(sampled.map(({ traceId }) => traceId)).size).toBe(1);
  const attributesOf = (name: string) => sampled.find((span) => nameOf(span) === name)?.attributes;
  expect(attributesOf('edge: SELECT_SEAT')).toMatchObject({ 'booking.show': 'main', 'booking.code': 'OK' });
  expect(attributesOf('booking: EVALSHA decide')).toMatchObject({ 'db.system.name': 'redis', 'booking.commands': 1 });
  expect(attributesOf('edge: send updates')).toMatchObject({ 'booking.sockets': 2 });
  expect(traces.bodies.join()).not.toContain('secret-name');

  // Control: each hop without its propagation.
  for (const hop of pathOfCommand.filter(({ from }) => from)) {
    const cut = (span: ReceivedSpan) => (nameOf(span) === hop.span ? { ...span, parentId: '', links: [] } : span);
    expect(brokenHops(sampled.map(cut))).toEqual([hop]);
  }
});
