import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startNginx } from '../support/servers.ts';

async function portOf(server: Server | ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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
    const socket = new WebSocket(`${nginx.url.replace('http', 'ws')}/ws`);
    const status = await new Promise<number>((resolve, reject) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_, { statusCode = 0 }) => resolve(statusCode));
      socket.once('error', reject);
    });
    statuses.add(status);
    socket.terminate();
  }
  return statuses;
}

test('[R980] a Service that is named once per attempt gives an upgrade another pod', async () => {
  expect(await upgradeStatuses(1), 'named once: some upgrades are refused').toContain(503);
  expect(await upgradeStatuses(3)).toEqual(new Set([101]));
});
