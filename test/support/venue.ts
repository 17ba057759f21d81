import { freePort, startBooking, startEdge, startNats, startNginx, startRedis, type TestServer } from './servers.ts';

/** The whole system as start.sh runs it, on free ports, with data folders of its own. */
export interface TestVenue {
  /** The URL for browsers. */
  url: string;
  redis: TestServer;
  nats: TestServer;
  bookings: TestServer[];
  edges: TestServer[];
  nginx: TestServer;
  stop(): Promise<void>;
}

export interface VenueOptions {
  bookings?: number;
  edges?: number;
  env?: NodeJS.ProcessEnv;
}

export async function startVenue(options: VenueOptions = {}): Promise<TestVenue> {
  const { bookings: bookingCount = 1, edges: edgeCount = 2, env = {} } = options;
  const started: TestServer[] = [];
  const track = async (starting: Promise<TestServer>): Promise<TestServer> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const stop = async () => {
    for (const server of started.reverse()) await server.stop();
  };

  try {
    const [redis, nats] = await Promise.all([track(startRedis()), track(startNats())]);
    // As in the launcher: the proxies that a test sets are in front of nginx.
    const serviceEnv = { ...env, TRUSTED_PROXIES: 'loopback' };
    const links = { redisUrl: redis.url, natsUrl: nats.url, env: serviceEnv };
    const bookings = await Promise.all(Array.from({ length: bookingCount }, () => track(startBooking(links))));
    const bookingUrls = bookings.map((booking) => booking.url);
    const edges = await Promise.all(
      Array.from({ length: edgeCount }, () => track(startEdge({ natsUrl: nats.url, bookingUrls, env: serviceEnv }))),
    );
    const nginx = await track(
      startNginx({
        port: await freePort(),
        edgePorts: edges.map((edge) => edge.port),
        bookingPorts: bookings.map((booking) => booking.port),
        env,
      }),
    );
    return { url: nginx.url, redis, nats, bookings, edges, nginx, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
