import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { closeTimeoutMs } from '../../src/process/run-process.ts';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import { startBooking, startEdge, startNats, startNginx, startRedis, type TestServer } from '../support/servers.ts';

const clientCount = 300;

/** Reconnects at once when the edge closes it, as the page does after its first failure. */
class Client {
  readonly codes: number[] = [];
  longestGapMs = 0;
  #socket: WebSocket | undefined;
  #lostAtMs: number | undefined;

  constructor(readonly url: string) {
    this.#connect();
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #connect(): void {
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('open', () => {
      if (this.#lostAtMs !== undefined) this.longestGapMs = Math.max(this.longestGapMs, Date.now() - this.#lostAtMs);
      this.#lostAtMs = undefined;
    });
    socket.on('close', (code) => {
      if (this.#socket !== socket) return;
      this.codes.push(code);
      this.#lostAtMs ??= Date.now();
      setTimeout(() => this.#connect(), 20);
    });
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }
}

const connectionsOf = async ({ url }: TestServer): Promise<number> =>
  Number(/^edge_connections (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

test('[R983] [G7] on SIGTERM an edge moves all its clients to another one before its grace period ends', {
  timeout: 120_000,
}, async () => {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  onTestFinished(async () => void (await Promise.all([redis.stop(), nats.stop()])));
  const booking = await startBooking({ redisUrl: redis.url, natsUrl: nats.url });
  onTestFinished(() => booking.stop());
  const edges = await Promise.all([1, 2].map(() => startEdge({ natsUrl: nats.url, bookingUrls: [booking.url] })));
  for (const edge of edges) onTestFinished(() => edge.stop());
  const nginx = await startNginx({ edgePorts: edges.map(({ port }) => port), bookingPorts: [booking.port] });
  onTestFinished(() => nginx.stop());

  const clients = Array.from({ length: clientCount }, () => new Client(`${nginx.url.replace('http', 'ws')}/ws`));
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  const open = () => clients.filter(({ isOpen }) => isOpen).length;
  await expect.poll(open).toBe(clientCount);
  // nginx sends all clients of one address to one edge.
  const counts = await Promise.all(edges.map(connectionsOf));
  expect(counts.toSorted()).toEqual([0, clientCount]);
  const [ending, staying] = counts[0] === 0 ? [edges[1], edges[0]] : edges;
  if (!ending || !staying) return expect.unreachable();

  const startMs = Date.now();
  process.kill(ending.pid, 'SIGTERM');
  await expect.poll(() => ending.hasEnded).toBe(true);
  expect(Date.now() - startMs).toBeLessThan(closeTimeoutMs);
  await expect.poll(open).toBe(clientCount);
  expect(await connectionsOf(staying)).toBe(clientCount);
  // Each got the close code to reconnect, once, and none was cut off.
  expect(clients.map(({ codes }) => codes)).toEqual(clients.map(() => [closeCodes.serviceRestart.code]));
  // The slowest ones measure how busy this machine is: of all tests of G7, this one has the most clients.
  const gapsMs = clients.map(({ longestGapMs }) => longestGapMs).sort((a, b) => a - b);
  expect(gapsMs[clientCount / 2]).toBeLessThan(2_000);
});
