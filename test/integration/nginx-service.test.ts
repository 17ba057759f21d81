import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { freePort, startNginx } from '../support/servers.ts';

async function portOf(server: Server | ReturnType<typeof createServer>, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** As a Service of Kubernetes: one address, whose connections go to one pod after the other. */
async function startService(pods: readonly number[]): Promise<number> {
  let next = 0;
  const service = createServer((client) => {
    const pod = connect(pods[next++ % pods.length] ?? 0, '127.0.0.1');
    client.pipe(pod).pipe(client);
    for (const socket of [client, pod]) socket.on('error', () => [client, pod].map((each) => each.destroy()));
  });
  return portOf(service);
}

async function upgradeStatuses(attempts: number): Promise<Set<number>> {
  const open = createHttpServer((_, response) => response.end());
  new WebSocketServer({ server: open });
  // As an edge that drains.
  const draining = createHttpServer().on('upgrade', (_, socket) => {
    socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  const service = await startService([await portOf(draining), await portOf(open)]);
  const booking = await portOf(createHttpServer((_, response) => response.end('{}')));
  const nginx = await startNginx({ edgePorts: Array(attempts).fill(service), bookingPorts: [booking] });
  onTestFinished(() => nginx.stop());
  const statuses = new Set<number>();
  for (let count = 0; count < 10; count++) {
    const { status, socket } = await upgrade(nginx.url);
    statuses.add(status);
    socket.terminate();
  }
  return statuses;
}

async function upgrade(url: string): Promise<{ status: number; socket: WebSocket }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  onTestFinished(() => socket.terminate());
  const status = await new Promise<number>((resolve, reject) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_, { statusCode = 0 }) => resolve(statusCode));
    socket.once('error', reject);
  });
  return { status, socket };
}

test('[R980] a Service that is named once per attempt gives an upgrade another pod', async () => {
  expect(await upgradeStatuses(1), 'named once: some upgrades are refused').toContain(503);
  expect(await upgradeStatuses(3)).toEqual(new Set([101]));
});

test('[R1035] an edge that is back after failed attempts gets every upgrade, while the WebSockets before it stay open', async () => {
  const edgePorts = [await freePort(), await freePort()];
  const booking = await portOf(createHttpServer((_, response) => response.end('{}')));
  const nginx = await startNginx({ edgePorts, bookingPorts: [booking] });
  onTestFinished(() => nginx.stop());
  const statuses = async () =>
    (await Promise.all(Array.from({ length: 20 }, () => upgrade(nginx.url)))).map((each) => each.status);
  expect(new Set(await statuses()), 'no edge listens').toEqual(new Set([503]));
  const edge = createHttpServer();
  new WebSocketServer({ server: edge });
  await portOf(edge, edgePorts[0]);
  expect(await statuses()).toEqual(Array(20).fill(101));
});
