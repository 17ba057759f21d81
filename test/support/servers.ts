import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { parseAllowedOrigins } from '../../src/http/origin.ts';
import { parseTrustedProxies } from '../../src/http/trusted-proxies.ts';
import { httpUrl } from '../../src/launch/http-url.ts';
import { findMachineServers } from '../../src/launch/machine-servers.ts';
import { natsSpec } from '../../src/launch/nats.ts';
import { nginxSpec } from '../../src/launch/nginx.ts';
import { type BookingOptions, bookingSpec, edgeSpec, embeddedSpec } from '../../src/launch/node-services.ts';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { postgresServer } from '../../src/launch/postgres.ts';
import { postgresUrl, preparePostgres } from '../../src/launch/postgres-roles.ts';
import { httpAnswers, ownRedisAnswers } from '../../src/launch/probes.ts';
import { programEnv } from '../../src/launch/program-env.ts';
import { redisSpec } from '../../src/launch/redis.ts';
import type { ServerProgram } from '../../src/launch/server-origin.ts';
import { killServices, ServiceProcess, type ServiceSpec } from '../../src/launch/service-process.ts';
import { postgresUser } from '../../src/launch/service-user.ts';
import type { CertificateFiles } from '../../src/launch/tls.ts';
import type { StripeOptions } from './stripe-stand-in.ts';

export { freePort };

// Vitest ends a worker with SIGTERM, also one whose tests were aborted or timed out. Services have process groups of their own.
process.once('SIGTERM', () => {
  killServices();
  process.kill(process.pid, 'SIGTERM');
});

/** A service as start.sh would start it, on a free port of its own. */
export interface TestServer {
  port: number;
  url: string;
  readonly pid: number;
  readonly hasEnded: boolean;
  logFile: string;
  /** SIGTERM, and waits for the end. A data folder that was not given is deleted. */
  stop(): Promise<void>;
  /** Waits for the end, except of signals that do not end a process. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** After `stop` or `kill`: again, on the same port and data. */
  restart(): Promise<void>;
}

export interface ServerOptions {
  port?: number;
  /** Holds data and log. Without it: a temporary one. */
  dir?: string;
}

export interface NodeServerOptions extends ServerOptions {
  /** HOLD_SECONDS, LOG_LEVEL, VENUE_ROWS … */
  env?: NodeJS.ProcessEnv;
  /** The folder of another build. Absent: that of this tree. */
  root?: string | undefined;
}

interface RedisServerOptions extends ServerOptions {
  /** As `src/launch` creates them; without them every client has all rights, which suits most tests. */
  users?: string;
  /** Further arguments of redis-server. */
  args?: readonly string[];
}

export const startRedis = ({ users, args = [], ...options }: RedisServerOptions = {}): Promise<TestServer> =>
  start(options, 'redis', async ({ port, dir, logFile }) => {
    const origin = await originOf('redis-server');
    const spec = redisSpec({ origin, port, dir, logFile, ...(users && { users }) });
    return { url: `redis://${loopback}:${port}`, spec: { ...spec, command: [...spec.command, ...args] } };
  });

/** `settings`: lines of its configuration, besides the place. */
export const startSentinel = ({ settings, ...options }: ServerOptions & { settings: readonly string[] }) =>
  start(options, 'sentinel', async ({ port, dir, logFile }) => {
    const origin = await originOf('redis-server');
    const file = join(dir, 'sentinel.conf');
    writeFileSync(file, [`port ${port}`, `bind ${loopback}`, `dir ${dir}`, ...settings, ''].join('\n'));
    const command = origin.command('redis-server', {
      args: [file, '--sentinel'],
      folders: [dir],
      listens: [{ host: loopback, port }],
      user: undefined,
    });
    const answers = () => ownRedisAnswers({ host: loopback, port });
    const spec = { name: 'sentinel', ...command, env: programEnv(), logFile, answers, stopTimeoutMs: 1_500, hint: '' };
    return { url: `redis://${loopback}:${port}`, spec };
  });

/** `users`: as `src/launch` creates them. `args`: further arguments of nats-server. */
export const startNats = ({
  users,
  args = [],
  ...options
}: ServerOptions & { users?: object; args?: readonly string[] } = {}): Promise<TestServer> =>
  start(options, 'nats', async ({ port, dir, logFile }) => {
    const origin = await originOf('nats-server');
    const monitorPort = await freePort();
    const spec = natsSpec({ origin, port, monitorPort, dir, logFile, ...(users && { users }) });
    return { url: `nats://${loopback}:${port}`, spec: { ...spec, command: [...spec.command, ...args] } };
  });

export interface TestPostgres extends TestServer {
  /** `url` is that of the service's role. */
  ownerUrl: string;
  adminUrl: string;
}

const [ownerPassword, bookingPassword] = ['owner-password', 'booking-password'];

/** With the roles and the empty database that start.sh makes. */
export async function startPostgres(options: ServerOptions = {}): Promise<TestPostgres> {
  const server = await startPostgresProcess(options);
  const adminPassword = new URL(server.adminUrl).password;
  await preparePostgres({ port: server.port, adminPassword }, { ownerPassword, bookingPassword });
  return server;
}

/** On the data in `dir`, or on an empty server. */
export async function startPostgresProcess(options: ServerOptions): Promise<TestPostgres> {
  let adminPassword = '';
  const server = await start(options, 'postgres', async ({ port, dir, logFile }) => {
    const origin = await findMachineServers(['postgres', 'initdb'], '/dev/null', new AbortController().signal);
    const { user } = postgresUser(dir);
    const made = await postgresServer(
      { origin, port, dir: join(dir, 'postgres'), logFile, user },
      new AbortController().signal,
    );
    adminPassword = made.adminPassword;
    return { url: postgresUrl('booking', bookingPassword, port), spec: made.spec };
  });
  return Object.assign(server, {
    ownerUrl: postgresUrl('booking_owner', ownerPassword, server.port),
    adminUrl: postgresUrl('postgres', adminPassword, server.port),
  });
}

/** Tests send requests faster than people; the limits have tests of their own. */
const noLimits = { RATE_LIMIT: 'off' };

/** `redisUrl`: absent if `env` has the address of Redis. */
export const startBooking = (
  options: NodeServerOptions & Pick<BookingOptions, 'redisUrl' | 'natsUrl' | 'database'>,
): Promise<TestServer> =>
  start(options, 'booking', ({ port, logFile }) => {
    const { redisUrl, natsUrl, database, root, env = {} } = options;
    return {
      url: httpUrl(loopback, port),
      spec: bookingSpec({ port, logFile, root, env: { ...noLimits, ...env }, redisUrl, natsUrl, database }),
    };
  });

export const startEdge = (
  options: NodeServerOptions & { natsUrl: string; bookingUrls: string[] },
): Promise<TestServer> =>
  start(options, 'edge', ({ port, logFile }) => {
    const { natsUrl, bookingUrls, root, env = {} } = options;
    return {
      url: httpUrl(loopback, port),
      spec: edgeSpec({ port, logFile, root, env: { ...noLimits, ...env }, natsUrl, bookingUrls }),
    };
  });

export const startEmbedded = (options: NodeServerOptions = {}): Promise<TestServer> =>
  start(options, 'embedded', ({ port, logFile }) => {
    const { env = {} } = options;
    return {
      url: httpUrl(loopback, port),
      spec: embeddedSpec({ host: loopback, port, logFile, env: { ...noLimits, ...env } }),
    };
  });

/** The stand-in for Stripe as a process of its own. `forgets`: its state ends with the process. */
export const startStripeProcess = ({
  webhooks,
  forgets = false,
  ...options
}: ServerOptions & Pick<StripeOptions, 'webhooks'> & { forgets?: boolean } = {}): Promise<TestServer> =>
  start(options, 'stripe', async ({ port, dir, logFile }) => {
    const program = join(dir, 'stripe.mjs');
    await build({
      entryPoints: ['test/support/stripe-process.ts'],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'warning',
    });
    const given: StripeOptions = {
      port,
      ...(!forgets && { journalPath: join(dir, 'journal.jsonl') }),
      ...(webhooks && { webhooks }),
    };
    const url = httpUrl(loopback, port);
    const spec: ServiceSpec = {
      name: 'stripe',
      command: [process.execPath, program, JSON.stringify(given)],
      env: programEnv(),
      logFile,
      answers: () => httpAnswers(`${url}/ready`),
      stopTimeoutMs: 1_500,
      hint: '',
    };
    return { url, spec };
  });

/** Its edges and booking processes must already reply. */
export const startNginx = (
  options: ServerOptions & {
    edgePorts: number[];
    bookingPorts: number[];
    publicDir?: string;
    env?: NodeJS.ProcessEnv;
    tls?: CertificateFiles & { port: number };
  },
): Promise<TestServer> =>
  start(options, 'nginx', async ({ port, dir, logFile }) => {
    const { edgePorts, bookingPorts, publicDir = 'public', env = {}, tls } = options;
    const spec = nginxSpec({
      origin: await originOf('nginx'),
      host: loopback,
      port,
      tls,
      edgePorts,
      bookingPorts,
      ...(env.RATE_LIMIT === 'on' && { addressLimits: addressLimitsIn(env) }),
      trustedProxies: parseTrustedProxies(env.TRUSTED_PROXIES ?? ''),
      allowedOrigins: parseAllowedOrigins(env.ALLOWED_ORIGINS ?? ''),
      templateFile: join('nginx', 'nginx.conf.template'),
      publicDir: resolve(publicDir),
      dir,
      logFile,
    });
    return { url: httpUrl(loopback, port), spec };
  });

const addressLimitsIn = ({
  REQUESTS_PER_SECOND_PER_ADDRESS: requests,
  CONNECTIONS_PER_ADDRESS: connections,
}: NodeJS.ProcessEnv) => ({
  requestsPerSecond: Number(requests ?? 100),
  connections: Number(connections ?? 200),
});

const originOf = (program: ServerProgram) => findMachineServers([program], '/dev/null', new AbortController().signal);

interface Place {
  port: number;
  dir: string;
  logFile: string;
}

async function start(
  options: ServerOptions,
  name: string,
  describe: (place: Place) => Promise<{ url: string; spec: ServiceSpec }> | { url: string; spec: ServiceSpec },
): Promise<TestServer> {
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), `concert-booking-${name}-`));
  const logFile = join(dir, `${name}.log`);
  const { url, spec } = await describe({ port, dir, logFile });
  let running = await ready(spec);
  return {
    port,
    url,
    logFile,
    get pid() {
      return running.pid ?? 0;
    },
    get hasEnded() {
      return running.hasEnded;
    },
    async stop() {
      await running.stop();
      if (!options.dir) rmSync(dir, { recursive: true, force: true });
    },
    async kill(signal = 'SIGKILL') {
      if (running.hasEnded)
        throw new Error(`${name} has ended by itself:\n${readFileSync(logFile, 'utf8').slice(-3_000)}`);
      process.kill(running.pid ?? 0, signal);
      if (signal === 'SIGSTOP') await standsStill(running.pid ?? 0);
      else if (signal !== 'SIGCONT') await running.exited;
    },
    async restart() {
      running = await ready(spec);
    },
  };
}

/** On a busy machine a process may run for a moment after the signal to stop. */
async function standsStill(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
    if (stdout.startsWith('T')) return;
  }
}

async function ready(spec: ServiceSpec): Promise<ServiceProcess> {
  const started = new ServiceProcess(spec);
  try {
    await started.ready();
    return started;
  } catch (error) {
    started.kill();
    throw error;
  }
}
