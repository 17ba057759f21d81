import { join, resolve } from 'node:path';
import { type Static, Type } from 'typebox';
import { requireCheckoutSettings } from '../booking/checkout-settings.ts';
import { type VenueSettings, venueSettings } from '../booking/venue-settings.ts';
import { parseAllowedOrigins } from '../http/origin.ts';
import { parseTrustedProxies } from '../http/trusted-proxies.ts';
import { authModeOf, isLoopback } from '../identity/auth-mode.ts';
import {
  type CheckoutConfig,
  commaList,
  DatabaseUrl,
  load,
  loadBookingConfig,
  loadEdgeConfig,
  settingNames,
} from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { settingProblem } from '../process/setting-problem.ts';
import { withSettingsFromFiles } from '../process/settings-from-files.ts';
import { type RedisSettings, redisPlace } from '../store/redis-place.ts';
import { badPorts } from './bad-ports.ts';
import type { GivenRedis } from './given-redis.ts';
import { listenHost, requireHttpHost } from './listen-host.ts';
import type { AddressLimits } from './nginx.ts';
import { exampleFor, loopback, PortUnavailableError, portState, requirePort } from './ports.ts';
import { type CertificateFiles, type selfMade, tlsFilesOf } from './tls.ts';

const originNames = ['auto', 'docker', 'machine', 'embedded'] as const;
export type OriginName = (typeof originNames)[number];

const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const LaunchEnv = Type.Object({
  HTTP_HOST: Type.String({ default: loopback, description: 'Where the page is served; 0.0.0.0: to the whole network' }),
  HTTP_PORT: Type.Optional(Port),
  HTTPS_PORT: Type.Optional(Port),
  TLS_CERT: Type.String({
    default: '',
    description: 'A certificate chain in PEM format, or self-made; empty: plain HTTP',
  }),
  TLS_KEY: Type.String({ default: '', description: 'The private key of TLS_CERT in PEM format' }),
  BOOKING_PORTS: Type.String({ default: '8080', description: 'A comma list: one booking process on each' }),
  BOOKING_PORT: Type.Optional(Port),
  EDGE_PORTS: Type.String({ default: '3000,3001', description: 'A comma list: one edge on each' }),
  REDIS_PORT: Type.Integer({ minimum: 1, maximum: 65535, default: 6379 }),
  DATABASE_URL: Type.Optional(DatabaseUrl),
  DATABASE_PORT: Type.Integer({ minimum: 1, maximum: 65535, default: 5432 }),
  DATABASE_OWNER_URL: Type.Optional(DatabaseUrl),
  NATS_URL: Type.Optional(Type.String({ minLength: 1, must: 'a URL that begins with nats:// or tls://, or unset' })),
  NATS_PORT: Type.Integer({ minimum: 1, maximum: 65535, default: 4222 }),
  NATS_MONITORING: Type.String({ default: '8222', description: 'The port of its monitoring over HTTP, or off' }),
  TRUSTED_PROXIES: Type.String({ default: '', description: 'Proxies in front of nginx' }),
  ALLOWED_ORIGINS: Type.String({ default: '' }),
  DATA_DIR: Type.String({ default: '.data', minLength: 1 }),
  RESTART_PAUSE_MS: Type.Integer({
    minimum: 10,
    maximum: 60_000,
    default: 1_000,
    description:
      'The first pause before a service that ended is restarted; it doubles each time, up to 30 times as long',
  }),
  SERVERS: Type.Unsafe<OriginName>({ type: 'string', enum: originNames, default: 'auto' }),
});

/** All settings that `./start.sh` reads or hands on. */
export const launchSettingNames = [...new Set([...Object.keys(LaunchEnv.properties), ...settingNames])];

/** The second is used if the first may not be bound. */
const defaultPorts = { HTTP_PORT: [80, 8000], HTTPS_PORT: [443, 8443] } as const;

export interface LaunchConfig {
  env: NodeJS.ProcessEnv;
  httpHost: string;
  httpPort: number;
  /** Absent: plain HTTP. With it, `httpPort` only leads to its port. */
  tls?: { port: number; files: CertificateFiles | typeof selfMade };
  bookingPorts: number[];
  edgePorts: number[];
  redis: { given?: GivenRedis; port: number };
  /** `url` undefined: Postgres is started here, if it is available. */
  database: { url?: string; ownerUrl?: string; port: number };
  /** Without `monitorPort` NATS has no monitoring. */
  nats: { url?: string; port: number; monitorPort?: number };
  trustedProxies: string[];
  allowedOrigins: string[];
  dataDir: string;
  keyPrefix: string;
  venue: VenueSettings;
  /** Of one edge. */
  maxConnections: number;
  addressLimits?: AddressLimits;
  restartPauseMs: number;
  origin: OriginName;
  /** undefined: the sandbox where there is a ledger, else none. */
  paymentProvider: CheckoutConfig['PAYMENT_PROVIDER'] | undefined;
}

/** Throws if a setting is wrong, before anything is started. */
export async function loadLaunchConfig(given: NodeJS.ProcessEnv): Promise<LaunchConfig> {
  const settings = load(LaunchEnv, given);
  // Read by the launcher: the processes may run as a user who cannot read these files.
  const env = withSettingsFromFiles(settingNames, given);
  // Settings that only the children read (HOLD_SECONDS, LOG_LEVEL, VENUE_ROWS …) are better refused here than in each of their logs.
  const ofBooking = loadBookingConfig({ ...given, HOST: loopback, PORT: undefined });
  requireCheckoutSettings(ofBooking);
  const httpHost = listenHost(settings.HTTP_HOST);
  const authMode = authModeOf({ ...ofBooking, HOST: httpHost });
  await requireHttpHost(httpHost);
  const ofEdge = loadEdgeConfig({ ...given, PORT: undefined });
  const monitorPort = monitoringPort(settings.NATS_MONITORING);
  const givenRedis = givenRedisIn(ofBooking);
  const tlsFiles = tlsFilesOf(settings.TLS_CERT, settings.TLS_KEY);

  const config: LaunchConfig = {
    // The inspector is open to every client that reaches the page: on by default only if the page is limited to this machine.
    env: { INSPECT: isLoopback(httpHost) ? 'on' : 'off', ...env, AUTH_MODE: authMode },
    httpHost,
    httpPort: settings.HTTP_PORT ?? (await defaultPort('HTTP_PORT', httpHost)),
    ...(tlsFiles && {
      tls: { files: tlsFiles, port: settings.HTTPS_PORT ?? (await defaultPort('HTTPS_PORT', httpHost)) },
    }),
    bookingPorts: bookingPorts(settings),
    edgePorts: portList('EDGE_PORTS', settings.EDGE_PORTS),
    redis: { port: settings.REDIS_PORT, ...(givenRedis && { given: givenRedis }) },
    database: {
      port: settings.DATABASE_PORT,
      ...(settings.DATABASE_URL && { url: settings.DATABASE_URL }),
      ...(settings.DATABASE_OWNER_URL && { ownerUrl: settings.DATABASE_OWNER_URL }),
    },
    nats: {
      port: settings.NATS_PORT,
      ...(settings.NATS_URL && { url: settings.NATS_URL }),
      ...(monitorPort !== undefined && { monitorPort }),
    },
    maxConnections: ofEdge.MAX_CONNECTIONS,
    ...(ofBooking.RATE_LIMIT === 'on' && {
      addressLimits: {
        requestsPerSecond: ofBooking.REQUESTS_PER_SECOND_PER_ADDRESS,
        connections: ofEdge.CONNECTIONS_PER_ADDRESS,
      },
    }),
    trustedProxies: parseTrustedProxies(settings.TRUSTED_PROXIES),
    allowedOrigins: parseAllowedOrigins(settings.ALLOWED_ORIGINS),
    dataDir: resolve(settings.DATA_DIR),
    keyPrefix: ofBooking.REDIS_KEY_PREFIX,
    venue: venueSettings(ofBooking),
    restartPauseMs: settings.RESTART_PAUSE_MS,
    origin: settings.SERVERS,
    paymentProvider: env.PAYMENT_PROVIDER === undefined ? undefined : ofBooking.PAYMENT_PROVIDER,
  };
  refuseBadPorts(config);
  refuseDuplicates(config);
  return config;
}

function givenRedisIn(config: RedisSettings): GivenRedis | undefined {
  const place = redisPlace(config);
  for (const setting of ['REDIS_URL', 'REDIS_SENTINELS', 'REDIS_CLUSTER'] as const) {
    const addresses = config[setting];
    if (addresses !== undefined) return { setting, addresses, place };
  }
  return undefined;
}

/** The log file of the process with this name. */
export const logFile = ({ dataDir }: LaunchConfig, name: string): string => join(dataDir, 'logs', `${name}.log`);

/** Unlike those of Redis, NATS and Postgres, these ports are not replaced by free ones: people and clients know them by number. */
export async function requirePorts(config: LaunchConfig): Promise<void> {
  await requireHttpPort(config);
  if (config.tls) await requirePort(config.tls.port, 'HTTPS_PORT', config.httpHost);
  for (const port of config.bookingPorts) await requirePort(port, 'BOOKING_PORTS');
  for (const port of config.edgePorts) await requirePort(port, 'EDGE_PORTS');
}

export const requireHttpPort = ({ httpPort, httpHost }: LaunchConfig) => requirePort(httpPort, 'HTTP_PORT', httpHost);

async function defaultPort(setting: keyof typeof defaultPorts, host: string): Promise<number> {
  const [preferred, unprivileged] = defaultPorts[setting];
  const state = await portState(preferred, host);
  if (state === 'in use') throw new PortUnavailableError(preferred, setting, state);
  return state === 'free' ? preferred : unprivileged;
}

function bookingPorts({ BOOKING_PORTS, BOOKING_PORT }: Static<typeof LaunchEnv>): number[] {
  const ports = portList('BOOKING_PORTS', BOOKING_PORTS);
  return BOOKING_PORT === undefined ? ports : [BOOKING_PORT, ...ports.slice(1)];
}

function monitoringPort(text: string): number | undefined {
  if (text === 'off') return undefined;
  const port = portOf(text);
  if (port === undefined)
    throw new ConfigError(settingProblem('NATS_MONITORING', text, 'a whole number from 1 to 65535, or off'));
  return port;
}

function portOf(text: string): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? port : undefined;
}

function portList(setting: string, text: string): number[] {
  const ports = commaList(text).map(portOf);
  if (ports.length > 0 && ports.every((port) => port !== undefined)) return ports;
  throw new ConfigError(settingProblem(setting, text, 'a comma list of whole numbers from 1 to 65535'));
}

/** Browsers or `fetch` connect to all of these ports. */
function refuseBadPorts({ httpPort, tls, bookingPorts, edgePorts }: LaunchConfig): void {
  const uses = {
    HTTP_PORT: [httpPort],
    HTTPS_PORT: tls ? [tls.port] : [],
    BOOKING_PORTS: bookingPorts,
    EDGE_PORTS: edgePorts,
  };
  for (const [setting, ports] of Object.entries(uses)) {
    const port = ports.find((each) => badPorts.has(each));
    if (port !== undefined)
      throw new ConfigError(
        `${setting}: browsers refuse to connect to port ${port}, because it belongs to another protocol. Choose another (e.g. ${setting}=${exampleFor(port)}).`,
      );
  }
}

function refuseDuplicates(config: LaunchConfig): void {
  const uses: [setting: string, port: number][] = [
    ['HTTP_PORT', config.httpPort],
    ...config.bookingPorts.map((port): [string, number] => ['BOOKING_PORTS', port]),
    ...config.edgePorts.map((port): [string, number] => ['EDGE_PORTS', port]),
  ];
  if (!config.redis.given) uses.push(['REDIS_PORT', config.redis.port]);
  if (config.tls) uses.push(['HTTPS_PORT', config.tls.port]);
  if (!config.nats.url) uses.push(['NATS_PORT', config.nats.port]);
  if (!config.database.url) uses.push(['DATABASE_PORT', config.database.port]);
  const settingOf = new Map<number, string>();
  for (const [setting, port] of uses) {
    const other = settingOf.get(port);
    if (other) throw new ConfigError(`Port ${port} is given twice: in ${other} and in ${setting}. Each needs its own.`);
    settingOf.set(port, setting);
  }
}
