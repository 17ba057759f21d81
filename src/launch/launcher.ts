import { join } from 'node:path';
import { findServers } from './find-servers.ts';
import { requireGivenNats, requireGivenRedis } from './given-servers.ts';
import type { LaunchConfig } from './launch-config.ts';
import { requireHttpPort, requirePorts } from './launch-config.ts';
import { natsSpec } from './nats.ts';
import { natsUsers } from './nats-users.ts';
import { nginxSpec } from './nginx.ts';
import { bookingSpec, edgeSpec, embeddedSpec } from './node-services.ts';
import { freePort, loopback, portState } from './ports.ts';
import { print } from './print.ts';
import { redisSpec } from './redis.ts';
import { redisUsers } from './redis-users.ts';
import { type Secrets, secretsIn } from './secrets-file.ts';
import { type ServerOrigin, type ServerProgram, ServersMissingError } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { embeddedSummary, embeddedWarning, summary } from './summary.ts';
import type { Supervisor } from './supervisor.ts';

const natsMonitorPort = 8222;

/** Brings everything up, in order; resolves when all of it answers. */
export async function launch(settings: LaunchConfig, supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  const secrets = secretsIn(settings.dataDir);
  const config = { ...settings, env: { SESSION_KEYS: secrets.sessionKeys, ...settings.env } };
  const origin = await findOrigin(config, signal);
  if (origin) await launchServices(config, secrets, origin, supervisor, signal);
  else await launchEmbedded(config, supervisor, signal);
}

/** None: everything has to run inside one process, without servers. */
async function findOrigin(config: LaunchConfig, signal: AbortSignal): Promise<ServerOrigin | undefined> {
  if (config.origin === 'embedded') {
    print(embeddedWarning('SERVERS=embedded asks for it.'));
    return undefined;
  }
  const needed: ServerProgram[] = ['nginx'];
  if (!config.redis.url) needed.push('redis-server');
  if (!config.nats.url) needed.push('nats-server');
  try {
    return await findServers(config.origin, needed, logFile(config, 'install'), signal);
  } catch (error) {
    // Who named a place, or a server of their own, is not silently given something else.
    const mayEmbed = config.origin === 'auto' && needed.length === 3;
    if (!(error instanceof ServersMissingError)) throw error;
    const reason = `Redis, NATS and nginx cannot be had here:\n${error.message}`;
    if (!mayEmbed)
      throw new ServersMissingError(`${reason}\nInstall what is missing, or leave SERVERS=auto to try all.`);
    print(embeddedWarning(reason));
    return undefined;
  }
}

async function launchServices(
  config: LaunchConfig,
  secrets: Secrets,
  origin: ServerOrigin,
  supervisor: Supervisor,
  signal: AbortSignal,
) {
  await requirePorts(config);
  print(`Starting (Redis, NATS and nginx from ${origin.description}) …`);
  const servers: ServiceSpec[] = [];
  let { url: redisUrl } = config.redis;
  if (redisUrl) await requireGivenRedis(redisUrl);
  else {
    const port = await portOrFree(config.redis.port, 'Redis');
    const password = secrets.redisPassword;
    redisUrl = `redis://booking:${password}@${loopback}:${port}`;
    const users = redisUsers({ keyPrefix: config.env.REDIS_KEY_PREFIX ?? '', password });
    const dir = join(config.dataDir, 'redis');
    servers.push(redisSpec({ origin, port, dir, logFile: logFile(config, 'redis'), users }));
  }
  let natsUrls = { booking: config.nats.url ?? '', edge: config.nats.url ?? '', viewer: config.nats.url ?? '' };
  if (config.nats.url) await requireGivenNats(config.nats.url);
  else {
    const port = await portOrFree(config.nats.port, 'NATS');
    const monitorPort = await portOrFree(natsMonitorPort, "NATS's monitoring");
    const { natsBookingPassword: bookingPassword, natsEdgePassword: edgePassword } = secrets;
    const address = `${loopback}:${port}`;
    natsUrls = {
      booking: `nats://booking:${bookingPassword}@${address}`,
      edge: `nats://edge:${edgePassword}@${address}`,
      viewer: `nats://${address}`,
    };
    const users = natsUsers({ bookingPassword, edgePassword });
    const dir = join(config.dataDir, 'nats');
    servers.push(natsSpec({ origin, port, monitorPort, dir, logFile: logFile(config, 'nats'), users }));
  }
  await supervisor.start(servers, signal);

  const { bookingPorts, edgePorts, env } = config;
  const common = (name: string, port: number) => ({ port, env, logFile: logFile(config, `${name}-${port}`) });
  const bookingUrls = bookingPorts.map((port) => `http://${loopback}:${port}`);
  const bookings = bookingPorts.map((port) =>
    bookingSpec({ ...common('booking', port), redisUrl, natsUrl: natsUrls.booking, peerUrls: bookingUrls }),
  );
  await supervisor.start(bookings, signal);

  const edges = edgePorts.map((port, index) =>
    edgeSpec({ ...common('edge', port), natsUrl: natsUrls.edge, bookingUrls: rotated(bookingUrls, index) }),
  );
  await supervisor.start(edges, signal);

  const nginx = nginxSpec({
    origin,
    host: config.httpHost,
    port: config.httpPort,
    edgePorts,
    bookingPorts,
    templateFile: join('nginx', 'nginx.conf.template'),
    publicDir: join(process.cwd(), 'public'),
    dir: join(config.dataDir, 'nginx'),
    logFile: logFile(config, 'nginx'),
  });
  await supervisor.start([nginx], signal);
  print(summary(config, { redisUrl, natsUrl: natsUrls.viewer, pidOf: (name) => supervisor.pidOf(name) }));
}

async function launchEmbedded(config: LaunchConfig, supervisor: Supervisor, signal: AbortSignal) {
  await requireHttpPort(config);
  const { httpPort: port, httpHost: host, env } = config;
  await supervisor.start([embeddedSpec({ host, port, env, logFile: logFile(config, 'embedded') })], signal);
  print(embeddedSummary(config));
}

async function portOrFree(port: number, user: string): Promise<number> {
  if ((await portState(port)) === 'free') return port;
  const free = await freePort();
  print(`Port ${port} is in use: ${user} takes ${free} instead.`);
  return free;
}

/** Each edge prefers another booking process. */
const rotated = <T>(list: T[], by: number): T[] => [
  ...list.slice(by % list.length),
  ...list.slice(0, by % list.length),
];

const logFile = ({ dataDir }: LaunchConfig, name: string) => join(dataDir, 'logs', `${name}.log`);
