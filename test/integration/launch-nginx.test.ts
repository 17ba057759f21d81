import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startNginx, type TestServer } from '../support/servers.ts';

let nginx: TestServer | undefined;
const upstreams: Server[] = [];

afterEach(async () => {
  await nginx?.stop();
  for (const upstream of upstreams.splice(0)) close(upstream);
});

/** Answers with the headers that it got, and accepts sockets. */
async function startUpstream(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ name, url: request.url, headers: request.headers }));
  });
  new WebSocketServer({ server }).on('connection', (socket) => socket.send(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstreams.push(server);
  return { server, port: (server.address() as AddressInfo).port };
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

async function setUp() {
  const [booking, ...edges] = [await startUpstream('booking'), await startUpstream('a'), await startUpstream('b')];
  nginx = await startNginx({ bookingPorts: [booking.port], edgePorts: edges.map(({ port }) => port) });
  return { url: nginx.url, booking, edges };
}

async function connectedEdge(url: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  const name = await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.terminate();
  return String(name);
}

test('the API gets host, client address and request id from nginx, not from the client', async () => {
  const { url } = await setUp();
  const response = await fetch(`${url}/api/seats`, {
    headers: { 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '1.2.3.4' },
  });
  const { headers } = (await response.json()) as { headers: Record<string, string> };
  expect(headers).toMatchObject({ host: new URL(url).host, 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1' });
  expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
});

test('the page: typed, compressed, revalidated; an unknown path is 404', async () => {
  const { url } = await setUp();
  const page = await fetch(url);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-encoding')).toBe('gzip');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const etag = page.headers.get('etag') ?? '';
  expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await fetch(`${url}/app.js`)).headers.get('content-type')).toContain('text/javascript');
  expect((await fetch(`${url}/no-such-page`)).status).toBe(404);
});

test('sockets go to one edge while it lives, and to the other when it is gone', async () => {
  const { url, edges } = await setUp();
  const first = await connectedEdge(url);
  expect(await connectedEdge(url)).toBe(first);
  const dead = edges[first === 'a' ? 0 : 1];
  if (dead) close(dead.server);
  expect(await connectedEdge(url)).toBe(first === 'a' ? 'b' : 'a');
});

test('a booking service out of reach and a body too large are refused in the shape of the API', async () => {
  const { url, booking } = await setUp();
  const post = (body: string) => fetch(`${url}/api/seats/select`, { method: 'POST', body });
  const tooLarge = await post('x'.repeat(20_000));
  expect(tooLarge.status).toBe(413);
  expect(await tooLarge.json()).toMatchObject({ success: false, error: { code: 'TOO_LARGE', retryable: false } });

  close(booking.server);
  const unreachable = await post('{}');
  expect(unreachable.status).toBe(503);
  expect(unreachable.headers.get('content-type')).toContain('application/json');
  expect(await unreachable.json()).toMatchObject({ error: { code: 'STORE_UNAVAILABLE', retryable: true } });
});
