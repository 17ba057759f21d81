import { join } from 'node:path';
import { addressFile } from '../process/recorded-address.ts';
import { type LaunchConfig, logFile } from './launch-config.ts';
import { natsSpec } from './nats.ts';
import { natsUsers } from './nats-users.ts';
import { freePort, loopback, portState } from './ports.ts';
import { postgresServer } from './postgres.ts';
import { postgresUrl, preparePostgres } from './postgres-roles.ts';
import { print } from './print.ts';
import { redisSpec } from './redis.ts';
import { redisUsers } from './redis-users.ts';
import type { Secrets } from './secrets-file.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { postgresUser, type ServiceUser } from './service-user.ts';
import { writePrivately } from './write-privately.ts';

interface NatsUrls {
  booking: string;
  edge: string;
  /** For people to read: has no password. */
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

interface Database {
  /** Of the booking service's role. */
  url: string;
  /** Of the role that owns the tables. */
  ownerUrl?: string | undefined;
  spec?: ServiceSpec;
  /** To be called once the server runs. */
  prepare?: () => Promise<void>;
  /** A command that opens the database for reading. */
  look?: string;
}

/** With DATABASE_URL there is no `spec`, because that server is not started here. */
export async function ledgerServer(
  config: LaunchConfig,
  { secrets, origin }: Omit<DataServersOptions, 'user'>,
  signal: AbortSignal,
): Promise<Database> {
  const given = config.database;
  if (given.url) return { url: given.url, ownerUrl: given.ownerUrl };
  const port = await portOrFree(config.database.port, 'Postgres');
  const dir = join(config.dataDir, 'postgres');
  const { spec, adminPassword } = await postgresServer(
    { origin, port, dir, logFile: logFile(config, 'postgres'), user: postgresUser(config.dataDir).user },
    signal,
  );
  const { postgresOwnerPassword: ownerPassword, postgresBookingPassword: bookingPassword } = secrets;
  const { postgresViewerPassword: viewerPassword } = secrets;
  const url = postgresUrl('booking', bookingPassword, port);
  writePrivately(addressFile(dir), `${url}\n`);
  const passFile = writePrivately(join(dir, 'viewer.pgpass'), `*:*:*:viewer:${viewerPassword}\n`);
  return {
    url,
    ownerUrl: postgresUrl('booking_owner', ownerPassword, port),
    spec,
    prepare: () => preparePostgres({ port, adminPassword }, { ownerPassword, bookingPassword, viewerPassword }),
    look: `PGPASSFILE=${passFile} psql -h ${loopback} -p ${port} -U viewer booking`,
  };
}

async function portOrFree(port: number, user: string): Promise<number> {
  if ((await portState(port)) === 'free') return port;
  const free = await freePort();
  print(`Port ${port} is in use: ${user} uses ${free} instead.`);
  return free;
}
