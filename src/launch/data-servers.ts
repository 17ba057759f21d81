import { join } from 'node:path';
import { type LaunchConfig, logFile } from './launch-config.ts';
import { natsSpec } from './nats.ts';
import { natsUsers } from './nats-users.ts';
import { freePort, loopback, portState } from './ports.ts';
import { print } from './print.ts';
import { redisSpec } from './redis.ts';
import { redisUsers } from './redis-users.ts';
import type { Secrets } from './secrets-file.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import type { ServiceUser } from './service-user.ts';

interface NatsUrls {
  booking: string;
  edge: string;
  /** Has no password: for people. */
  viewer: string;
}

interface DataServersOptions {
  secrets: Secrets;
  origin: ServerOrigin;
  user: ServiceUser | undefined;
}

/** Nothing if a Redis is given: it is not started here, and the booking processes read the settings themselves. */
export async function redisServer(
  config: LaunchConfig,
  { secrets, origin, user }: DataServersOptions,
): Promise<{ url?: string; spec?: ServiceSpec }> {
  if (config.redis.given) return {};
  const port = await portOrFree(config.redis.port, 'Redis');
  const { redisAdminPassword: adminPassword, redisBookingPassword: bookingPassword } = secrets;
  const users = redisUsers({ keyPrefix: config.keyPrefix, adminPassword, bookingPassword });
  const dir = join(config.dataDir, 'redis');
  return {
    url: `redis://booking:${bookingPassword}@${loopback}:${port}`,
    spec: redisSpec({ origin, port, dir, logFile: logFile(config, 'redis'), users, user }),
  };
}

/** With NATS_URL there is no `spec`, because that server is not started here. */
export async function natsServer(
  config: LaunchConfig,
  { secrets, origin, user }: DataServersOptions,
): Promise<{ urls: NatsUrls; spec?: ServiceSpec }> {
  const { url, monitorPort: wantedMonitorPort } = config.nats;
  if (url) return { urls: { booking: url, edge: url, viewer: url } };
  const port = await portOrFree(config.nats.port, 'NATS');
  const monitorPort = wantedMonitorPort && (await portOrFree(wantedMonitorPort, "NATS's monitoring"));
  const { natsBookingPassword: bookingPassword, natsEdgePassword: edgePassword } = secrets;
  const address = `${loopback}:${port}`;
  const users = natsUsers({ bookingPassword, edgePassword });
  const dir = join(config.dataDir, 'nats');
  return {
    urls: {
      booking: `nats://booking:${bookingPassword}@${address}`,
      edge: `nats://edge:${edgePassword}@${address}`,
      viewer: `nats://${address}`,
    },
    spec: natsSpec({ origin, port, monitorPort, dir, logFile: logFile(config, 'nats'), users, user }),
  };
}

async function portOrFree(port: number, user: string): Promise<number> {
  if ((await portState(port)) === 'free') return port;
  const free = await freePort();
  print(`Port ${port} is in use: ${user} uses ${free} instead.`);
  return free;
}
