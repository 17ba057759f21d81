import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { CertificateFiles } from '../../src/launch/tls.ts';
import { startNginx, type TestServer } from '../support/servers.ts';

let nginx: TestServer | undefined;
const upstreams: Server[] = [];

/** For `afterEach`. */
export async function tearDown(): Promise<void> {
  await nginx?.stop();
  hangs.clear();
  slowReaders.clear();
  failures.clear();
  for (const upstream of upstreams.splice(0)) close(upstream);
}

export interface Upstream {
  server: Server;
  port: number;
  /** The headers of each command. */
  attempts: IncomingHttpHeaders[];
  /** The paths of reads. */
  reads: string[];
}

/** The reads of these never get a reply. */
export const slowReaders = new Set<string>();

/** By name: these never reply. */
export const hangs = new Set<string>();

/** By name: these reply with this status and a refusal, except to reads that accept a stale venue. */
export const failures = new Map<string, { status: number; code: string }>();

/** Replies with the received headers, and accepts sockets. */
async function startUpstream(name: string): Promise<Upstream> {
  const attempts: IncomingHttpHeaders[] = [];
  const reads: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === 'POST') attempts.push(request.headers);
    else reads.push(request.url ?? '');
    if (hangs.has(name) || (slowReaders.has(name) && request.method === 'GET')) return;
    const failure = failures.get(name);
    if (failure && request.headers['x-venue-stale'] !== 'accept') {
      const error = { code: failure.code, message: `${failure.code} of ${name}`, retryable: true };
      response.writeHead(failure.status, { 'content-type': 'application/json', 'retry-after': '7' });
      response.end(JSON.stringify({ success: false, error }));
      return;
    }
    response.end(JSON.stringify({ name, url: request.url, headers: request.headers }));
  });
  new WebSocketServer({ server }).on('connection', (socket) => socket.send(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstreams.push(server);
  return { server, port: (server.address() as AddressInfo).port, attempts, reads };
}

export function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

export async function setUp(
  env: NodeJS.ProcessEnv = {},
  publicDir = 'public',
  tls?: CertificateFiles & { port: number },
) {
  const [booking, ...edges] = [await startUpstream('booking'), await startUpstream('a'), await startUpstream('b')];
  const edgePorts = edges.map(({ port }) => port);
  nginx = await startNginx({ bookingPorts: [booking.port], edgePorts, env, publicDir, ...(tls && { tls }) });
  return { url: nginx.url, booking, edges };
}

export async function setUpTwo() {
  const bookings = [await startUpstream('one'), await startUpstream('two')] as const;
  const edge = await startUpstream('edge');
  const server = await startNginx({ bookingPorts: bookings.map(({ port }) => port), edgePorts: [edge.port] });
  nginx = server;
  const post = (headers = {}) => fetch(`${server.url}/api/seats/select`, { method: 'POST', body: '{}', headers });
  const get = (path: string) => fetch(`${server.url}${path}`);
  const attempts = () =>
    bookings.flatMap((booking) =>
      booking.attempts.map((headers) => [headers['idempotency-key'], headers['x-attempt']]),
    );
  return { nginx: server, bookings, post, get, attempts };
}

/** Each of nginx's workers has its own rotation: repeats until one begins with the first. */
export const tries = 10;
