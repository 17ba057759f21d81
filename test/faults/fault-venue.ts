import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { startBooking, startEdge, startNats, startNginx, startRedis, type TestServer } from '../support/servers.ts';
import { showFile } from '../support/show-files.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from './time.ts';

export interface FaultVenueOptions {
  bookings?: number;
  edges?: number;
  holdSeconds?: number;
  rows?: number;
  cols?: number;
  withNginx?: boolean;
  /** Ids of further shows, with the seats and rules of the default show. */
  shows?: readonly string[];
  /** In place of one Redis. The caller stops it. */
  redises?: GivenRedises;
  /** In place of one NATS. The caller stops it. */
  natses?: GivenNatses;
  /** The ledger of the booking processes; without it they have none. The caller stops it. */
  ledger?: { url: string; ownerUrl: string } | undefined;
}

/** Several servers that are one store. */
interface GivenRedises {
  first: TestServer;
  /** The settings by which a booking process reaches them. */
  settingsOf(booking: number): NodeJS.ProcessEnv;
  /** A client of the server that has the venue. */
  admin: Redis;
}

interface GivenNatses {
  first: TestServer;
  /** The value of NATS_URL. */
  url: string;
  /** Of the booking processes. */
  settings?: NodeJS.ProcessEnv;
}

/** The whole system on real processes, each link between two of them a proxy that can be made to fail. */
export interface FaultVenue {
  redis: TestServer;
  redisDir: string;
  nats: TestServer;
  natsDir: string;
  bookings: TestServer[];
  edges: TestServer[];
  nginx: TestServer | undefined;
  links: Record<'bookingToRedis' | 'bookingToNats' | 'edgeToNats' | 'edgeToBooking', TcpProxy[]>;
  /** Straight to Redis, past every proxy. */
  admin: Redis;
  holdMs: number;
  rows: number;
  cols: number;
  stop(): Promise<void>;
}

/** Stopped at the end of the test, if not before. */
export async function startFaultVenue(options: FaultVenueOptions = {}): Promise<FaultVenue> {
  const undo: (() => unknown)[] = [];
  onTestFinished(() => undoAll(undo), 30_000);
  return startVenue(options, undo);
}

/** One venue for all tests of a file. Each test calls the function, which returns it undamaged and without a sale, in a new epoch. */
export function sharedFaultVenue(options: FaultVenueOptions = {}): () => Promise<FaultVenue> {
  const undo: (() => unknown)[] = [];
  let venue: FaultVenue | undefined;
  beforeAll(async () => {
    venue = await startVenue(options, undo);
  }, 60_000);
  afterAll(() => undoAll(undo), 30_000);
  return async () => {
    await renew(venue as FaultVenue);
    return venue as FaultVenue;
  };
}

async function undoAll(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

/** Ends every fault, restarts what was killed, and deletes the data. */
async function renew({ redis, nats, bookings, edges, nginx, links, admin }: FaultVenue): Promise<void> {
  for (const link of Object.values(links).flat()) link.heal();
  for (const server of [redis, nats, ...bookings, ...edges, ...(nginx ? [nginx] : [])]) {
    if (server.hasEnded) await server.restart();
    else await server.kill('SIGCONT');
  }
  await until('Redis replies', async () => (await admin.ping().catch(() => '')) === 'PONG');
  await admin.flushall();
  for (const { url } of [...bookings, ...edges]) {
    await until(`${url} is ready`, async () => (await fetch(`${url}/ready`)).status === 200);
  }
  for (const { url } of bookings) {
    await until(`${url} has the new epoch`, async () => {
      const state = (await (await fetch(`${url}/api/venue`)).json()) as { epoch: string; seq: number; stale?: boolean };
      return !state.stale && state.seq === 0 && state.epoch === (await admin.get('venue:epoch'));
    });
  }
}

async function startVenue(options: FaultVenueOptions, undo: (() => unknown)[]): Promise<FaultVenue> {
  const { holdSeconds = 1.5, rows = 20, cols = 20, withNginx = false, shows = [] } = options;
  const counts = { bookings: options.bookings ?? 2, edges: options.edges ?? 2 };
  const folder = (name: string): string => {
    const dir = mkdtempSync(join(tmpdir(), `concert-booking-fault-${name}-`));
    undo.push(() => rmSync(dir, { recursive: true, force: true }));
    return dir;
  };
  const track = async (starting: Promise<TestServer>): Promise<TestServer> => {
    const server = await starting;
    undo.push(() => endNow(server));
    return server;
  };
  const proxies = (count: number, targetPort: (index: number) => number): Promise<TcpProxy[]> =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const proxy = await startTcpProxy(targetPort(index));
        undo.push(() => proxy.close());
        return proxy;
      }),
    );

  const [redisDir, natsDir] = [folder('redis'), folder('nats')];
  const { redises, natses } = options;
  const [redis, nats] = await Promise.all([
    redises?.first ?? track(startRedis({ dir: redisDir })),
    natses?.first ?? track(startNats({ dir: natsDir })),
  ]);
  const bookingToRedis = await proxies(redises ? 0 : counts.bookings, () => redis.port);
  const bookingToNats = await proxies(natses ? 0 : counts.bookings, () => nats.port);
  const edgeToNats = await proxies(natses ? 0 : counts.edges, () => nats.port);
  const natsUrl = (link: TcpProxy | undefined) => natses?.url ?? `nats://127.0.0.1:${link?.port}`;
  const showsDir = folder('shows');
  for (const id of shows) writeFileSync(join(showsDir, `${id}.json`), showFile(id, { rows, seats: cols }));
  const env = {
    SHOWS_DIR: showsDir,
    HOLD_SECONDS: String(holdSeconds),
    VENUE_ROWS: String(rows),
    VENUE_COLS: String(cols),
    MAX_HOLDS_PER_USER: String(rows * cols), // the limit is tested elsewhere
    LOG_LEVEL: 'info',
  };
  const bookings = await Promise.all(
    Array.from({ length: counts.bookings }, (_, i) =>
      track(
        startBooking({
          dir: folder('booking'),
          redisUrl: redises ? undefined : `redis://127.0.0.1:${bookingToRedis[i]?.port}`,
          natsUrl: natsUrl(bookingToNats[i]),
          database: options.ledger,
          env: { ...env, ...natses?.settings, ...redises?.settingsOf(i) },
        }),
      ),
    ),
  );
  const edgeToBooking = await proxies(counts.bookings, (i) => bookings[i]?.port ?? 0);
  const bookingUrls = edgeToBooking.map(({ port }) => `http://127.0.0.1:${port}`);
  const edges = await Promise.all(
    Array.from({ length: counts.edges }, (_, i) =>
      track(startEdge({ dir: folder('edge'), natsUrl: natsUrl(edgeToNats[i]), bookingUrls, env })),
    ),
  );
  const ports = { edgePorts: edges.map(({ port }) => port), bookingPorts: bookings.map(({ port }) => port) };
  const nginx = withNginx ? await track(startNginx(ports)) : undefined;
  const admin =
    redises?.admin ?? new Redis(redis.url, { maxRetriesPerRequest: 0, retryStrategy: () => 25, commandTimeout: 5_000 });
  admin.on('error', () => {}); // Redis is killed on purpose
  undo.push(() => admin.disconnect());
  return {
    ...{ redis, redisDir, nats, natsDir, bookings, edges, nginx, admin, rows, cols },
    links: { bookingToRedis, bookingToNats, edgeToNats, edgeToBooking },
    holdMs: holdSeconds * 1000,
    stop: () => undoAll(undo),
  };
}

/** SIGKILL works on stopped processes as well; one that is dead already is fine. */
async function endNow(server: TestServer): Promise<void> {
  try {
    await server.kill('SIGKILL');
  } catch {
    // It has ended before.
  }
  await server.stop();
}
