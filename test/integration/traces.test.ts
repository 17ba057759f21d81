import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import { allSeatSubjects } from '../../src/protocol/events.ts';
import { freePort, startBooking, startEdge, startNats, startRedis, type TestServer } from '../support/servers.ts';
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

/** No hold ends during a test. */
const longHolds = { HOLD_SECONDS: '3600' };

/** An edge, of a booking process of its own. */
async function startSystem(given: NodeJS.ProcessEnv): Promise<TestServer> {
  const common = { natsUrl: nats.url, env: { ...longHolds, ...given } };
  const booking = await startBooking({ ...common, redisUrl: redis.url });
  onTestFinished(() => booking.stop());
  const edge = await startEdge({ ...common, bookingUrls: [booking.url] });
  onTestFinished(() => edge.stop());
  return edge;
}

const clientOf = async (edge: TestServer, userId: string) => {
  const client = await new TestClient(`${edge.url.replace('http', 'ws')}/ws`, [subprotocol]).opened();
  client.send({ type: 'CONNECT', data: { user_id: userId } });
  await client.received('ACK');
  return client;
};

/** A command over a WebSocket, until another client has its update. */
async function selectOver(edge: TestServer): Promise<void> {
  const [watcher, client] = [await clientOf(edge, 'watcher'), await clientOf(edge, 'secret-name')];
  client.send({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
  await watcher.received('SEAT_UPDATE');
  await client.received('ACK', 2);
}

async function receiver() {
  const traces = await receiveTraces();
  onTestFinished(() => traces.close());
  return traces;
}

/** The names of the headers of each message that NATS delivers until the end of the test. */
async function watchHeaders(): Promise<string[][]> {
  const seen: string[][] = [];
  const connection = await connect({ servers: nats.url });
  onTestFinished(() => connection.close());
  connection.subscribe(allSeatSubjects, { callback: (_error, { headers }) => void seen.push(headers?.keys() ?? []) });
  await connection.flush();
  return seen;
}

test('[R990] [R991] [R997] one command is one connected trace, from the socket to the sockets that get its update', async () => {
  const traces = await receiver();
  await selectOver(await startSystem({ OTEL_EXPORTER_OTLP_ENDPOINT: traces.url, REDIS_KEY_PREFIX: 'path:' }));
  const onPath = () => traces.spans.filter((span) => pathOfCommand.some((hop) => hop.span === nameOf(span)));
  const expected = pathOfCommand.map(({ span }) => span).sort();
  await expect.poll(() => onPath().map(nameOf).sort()).toEqual(expected);

  const sampled = onPath();
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

test.each([
  ['without an endpoint no header', false, 'always_on', ['Nats-Msg-Id']],
  ['without a sampled trace no header', true, 'always_off', ['Nats-Msg-Id']],
  ['with a sampled trace a header', true, 'always_on', ['Nats-Msg-Id', 'traceparent']],
])('[R993] [R994] %s is added to the messages of NATS', async (_, isOn, sampler, headers) => {
  const traces = await receiver();
  const seen = await watchHeaders();
  const booking = await startBooking({
    redisUrl: redis.url,
    natsUrl: nats.url,
    env: {
      REDIS_KEY_PREFIX: `${sampler}-${isOn}:`,
      ...longHolds,
      OTEL_EXPORTER_OTLP_ENDPOINT: isOn ? traces.url : '',
      OTEL_TRACES_SAMPLER: sampler,
    },
  });
  onTestFinished(() => booking.stop());
  expect((await select(booking.url)).status).toBe(200);
  await expect.poll(() => seen).toEqual([headers]);
});

/** The whole system in one process. `ended` resolves to its exit code. */
async function startProcess(env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/embedded/server.js'], {
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), RATE_LIMIT: 'off', ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [log, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    log += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    ended,
    url: `http://127.0.0.1:${port}`,
    log: () => log,
    stderr: () => stderr,
    listening: () => expect.poll(() => log).toContain('"msg":"Listening"'),
  };
}

const select = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/seats/select`, {
    method: 'POST',
    body: JSON.stringify({ seat_id: 'A1', user_id: 'ann' }),
    headers,
  });

test('[R992] a request over HTTP continues the trace of its header', async () => {
  const traces = await receiver();
  const server = await startProcess({ OTEL_EXPORTER_OTLP_ENDPOINT: traces.url });
  await server.listening();
  const [traceId, parentId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  expect((await select(server.url, { traceparent: `00-${traceId}-${parentId}-01` })).status).toBe(200);
  const found = (wanted: string) => traces.spans.find(({ name }) => name === wanted);
  await expect.poll(() => found('POST /api/seats/select')).toMatchObject({ service: 'embedded', traceId, parentId });
  const { spanId } = found('POST /api/seats/select') as ReceivedSpan;
  await expect.poll(() => found('decide select')).toMatchObject({ traceId, parentId: spanId });
});

test('[R995] a receiver that refuses traces is logged once, until it accepts them', async () => {
  let status = 400;
  let refused = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (status !== 200) refused++;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const booking = await startProcess({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '50' });
  await booking.listening();
  const exported = async (isDone: () => boolean) => {
    await expect
      .poll(async () => {
        await select(booking.url);
        return isDone();
      })
      .toBe(true);
  };
  await exported(() => refused >= 3);
  status = 200;
  await exported(() => booking.log().includes('Traces are exported again'));
  expect(booking.log().match(/Traces cannot be exported/g)).toHaveLength(1);
});

/** Of a process that cannot import any package of OpenTelemetry but the API. */
function withoutSdk(): NodeJS.ProcessEnv {
  const failing = `export const resolve = (name, context, next) => {
    if (/^@opentelemetry\\/(?!api$)/.test(name)) throw new Error('not installed');
    return next(name, context);
  };`;
  const hooks = `data:text/javascript,${encodeURIComponent(failing)}`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(hooks)});`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(register)}` };
}

test('[R993] without an endpoint the SDK is not loaded', async () => {
  const server = await startProcess(withoutSdk());
  await server.listening();
  expect((await select(server.url)).status).toBe(200);
});

test('[R996] an endpoint without the packages that it needs stops the start, with the remedy', async () => {
  const server = await startProcess({ ...withoutSdk(), OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
  expect(await server.ended).toBe(1);
  expect(server.stderr()).toBe(
    'OTEL_EXPORTER_OTLP_ENDPOINT needs the optional packages of OpenTelemetry: npm install --include=optional\n',
  );
});
