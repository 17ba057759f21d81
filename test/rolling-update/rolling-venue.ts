import { resolve } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import {
  freePort,
  type NodeServerOptions,
  startBooking,
  startEdge,
  startNats,
  startNginx,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestServer,
} from '../support/servers.ts';
import { Fleet } from './fleet.ts';

export const layout = { rows: 20, cols: 20 };
export const holdTtlMs = 3_000;

/** Real servers, two booking processes and two edges of one build, behind nginx. */
export interface RollingVenue {
  bookings: Fleet;
  edges: Fleet;
  nginx: TestServer;
  postgres: TestPostgres;
  redis: Redis;
}

/** `root`: of the build. Stopped at the end of the test. */
export async function startRollingVenue(root: string | undefined): Promise<RollingVenue> {
  const [redisServer, nats, postgres] = await Promise.all([startRedis(), startNats(), startPostgres()]);
  for (const server of [redisServer, nats, postgres]) onTestFinished(() => server.stop());
  const env = {
    SHOWS_DIR: resolve('shows'),
    HOLD_SECONDS: String(holdTtlMs / 1000),
    VENUE_ROWS: String(layout.rows),
    VENUE_COLS: String(layout.cols),
    MAX_HOLDS_PER_USER: String(layout.rows * layout.cols), // the limit has tests of its own
  };
  const stoppedAtEnd = async (starting: Promise<TestServer>) => {
    const server = await starting;
    onTestFinished(() => server.stop());
    return server;
  };
  const threePorts = () => Promise.all([freePort(), freePort(), freePort()]);
  const database = { url: postgres.url, ownerUrl: postgres.ownerUrl };
  const bookings = new Fleet(await threePorts(), (options: NodeServerOptions) =>
    stoppedAtEnd(startBooking({ ...options, redisUrl: redisServer.url, natsUrl: nats.url, database, env })),
  );
  const bookingUrls = bookings.ports.map((port) => `http://127.0.0.1:${port}`);
  const edges = new Fleet(await threePorts(), (options: NodeServerOptions) =>
    stoppedAtEnd(startEdge({ ...options, natsUrl: nats.url, bookingUrls, env })),
  );
  await bookings.start(root);
  await edges.start(root);
  const nginx = await startNginx({ edgePorts: [...edges.ports], bookingPorts: [...bookings.ports] });
  onTestFinished(() => nginx.stop());
  const redis = new Redis(redisServer.url);
  onTestFinished(() => redis.disconnect());
  return { bookings, edges, nginx, postgres, redis };
}
