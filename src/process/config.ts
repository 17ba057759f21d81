import { Ajv } from 'ajv';
import { type Static, type TObject, Type } from 'typebox';
import { ConfigError } from './config-error.ts';
import { withSettingsFromFiles } from './settings-from-files.ts';

/** `guest`: without a session a caller names itself, but never as a session's user. `required`: commands need a session. */
export type AuthMode = 'guest' | 'required';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof levels)[number];

const Port = (defaultPort: number) => Type.Integer({ minimum: 1, maximum: 65535, default: defaultPort });
const ListenHost = Type.String({ default: '127.0.0.1', description: 'The address to listen on' });

const Common = {
  LOG_LEVEL: Type.Unsafe<Level>({ type: 'string', enum: levels, default: 'info' }),
  HOST: ListenHost,
};

const Venue = {
  VENUE: Type.String({ default: 'main', pattern: '^[a-z0-9-]{1,32}$' }),
  VENUE_ROWS: Type.Integer({ minimum: 1, maximum: 18278, default: 10 }),
  VENUE_COLS: Type.Integer({ minimum: 1, maximum: 99999, default: 10 }),
  HOLD_SECONDS: Type.Number({ exclusiveMinimum: 0, maximum: 86400, default: 30 }),
  HOLD_EXTENSIONS: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 10,
    description: 'How often a user may extend the hold of a seat, each time by HOLD_SECONDS from then on; 0: never',
  }),
  MAX_HOLDS_PER_USER: Type.Integer({ minimum: 1, maximum: 10000, default: 6 }),
  REHOLD_COOLDOWN_MS: Type.Integer({
    minimum: 0,
    maximum: 86_400_000,
    default: 0,
    description: 'How long a user waits before holding a seat again after a hold of it expired or was released late',
  }),
};

const Door = {
  ALLOWED_ORIGINS: Type.String({
    default: '',
    description: 'A comma list of origins (https://partner.example) whose pages may call the API and open a WebSocket',
  }),
  ALLOWED_HOSTS: Type.String({
    default: '',
    description: 'A comma list: names under which the API is reached over plain HTTP, beside addresses and local names',
  }),
  TRUSTED_PROXIES: Type.String({
    default: '127.0.0.1,::1',
    description:
      'A comma list of addresses, networks, loopback, linklocal, uniquelocal: peers whose X-Forwarded-For and -Proto are trusted',
  }),
  SESSION_COOKIE: Type.String({
    default: 'session',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    description: 'The name of the session cookie. Cookies ignore ports: each installation on a host needs its own',
  }),
  RATE_LIMIT: Type.Unsafe<'on' | 'off'>({ type: 'string', enum: ['on', 'off'], default: 'on' }),
};

const Sockets = {
  ...Door,
  MAX_CONNECTIONS: Type.Integer({ minimum: 1, default: 20_000, description: 'Of one edge' }),
  CONNECTIONS_PER_ADDRESS: Type.Integer({ minimum: 1, default: 200 }),
  MESSAGES_PER_SECOND: Type.Integer({
    minimum: 1,
    default: 50,
    description: 'Of one connection; at least what MAX_HOLDS_PER_USER needs to hold and book all seats at once',
  }),
  CLIENT_BUFFERS_MIB: Type.Integer({
    minimum: 1,
    default: 256,
    description: 'Memory of one edge for what its clients have yet to read; beyond it the slowest are dropped',
  }),
};

const Access = {
  AUTH_MODE: Type.Optional(
    Type.Unsafe<AuthMode>({
      type: 'string',
      enum: ['guest', 'required'],
      description: 'May one act without a session?',
    }),
  ),
  SESSION_KEYS: Type.Optional(
    Type.String({ minLength: 1, description: '<id>:<secret>, a comma list: the first signs, the others are old ones' }),
  ),
  SESSION_HOURS: Type.Number({ exclusiveMinimum: 0, maximum: 8760, default: 24 }),
  SESSION_MAX_DAYS: Type.Number({
    exclusiveMinimum: 0,
    maximum: 3650,
    default: 30,
    description: 'After its first token a session ends for good, however often it was renewed',
  }),
  ...Door,
  REQUESTS_PER_SECOND_PER_ADDRESS: Type.Integer({ minimum: 1, default: 100 }),
  REQUESTS_PER_SECOND_PER_USER: Type.Integer({ minimum: 1, default: 20 }),
  SESSIONS_PER_MINUTE_PER_ADDRESS: Type.Integer({ minimum: 1, default: 300 }),
  HOLDS_PER_ADDRESS: Type.Integer({
    minimum: 1,
    default: 30,
    description: 'Seats that all users of an address may hold at once',
  }),
};

const Links = {
  REDIS_URL: Type.String({ default: 'redis://127.0.0.1:6379', pattern: '^rediss?://' }),
  REDIS_KEY_PREFIX: Type.String({
    default: '',
    description: 'e.g. {main}: puts all keys in one slot of Redis Cluster',
  }),
  NATS_URL: Type.String({ default: 'nats://127.0.0.1:4222' }),
};

const Inspect = {
  INSPECT: Type.Unsafe<'on' | 'off'>({ type: 'string', enum: ['on', 'off'], default: 'off' }),
  INSPECTOR_URL: Type.String({ default: 'https://stately.ai/inspect', pattern: '^https?://' }),
  INSPECT_PEERS: Type.String({ default: '', description: 'A comma list: the URLs of all booking processes' }),
  INSPECT_HOSTS: Type.String({ default: '', description: 'A comma list: names of this host, beside localhost' }),
};

const BookingConfig = Type.Object({ ...Common, ...Venue, ...Access, ...Links, ...Inspect, PORT: Port(8080) });
const EdgeConfig = Type.Object({
  ...Common,
  NATS_URL: Links.NATS_URL,
  VENUE: Venue.VENUE,
  ...Sockets,
  PORT: Port(3000),
  BOOKING_URLS: Type.String({
    default: 'http://127.0.0.1:8080',
    description: 'A comma list; the next is tried where one fails',
  }),
});
const EmbeddedConfig = Type.Object({
  ...Common,
  ...Venue,
  ...Access,
  ...Sockets,
  // Browsers connect directly, from loopback too.
  TRUSTED_PROXIES: Type.String({ ...Door.TRUSTED_PROXIES, default: '' }),
  ...Inspect,
  PORT: Port(8000),
});

const VenueConfig = Type.Object(Venue);
export type VenueConfig = Static<typeof VenueConfig>;
const AccessConfig = Type.Object({ HOST: ListenHost, MAX_HOLDS_PER_USER: Venue.MAX_HOLDS_PER_USER, ...Access });
export type AccessConfig = Static<typeof AccessConfig>;
const SocketsConfig = Type.Object(Sockets);
export type SocketsConfig = Static<typeof SocketsConfig>;
export type BookingConfig = Static<typeof BookingConfig>;
export type EdgeConfig = Static<typeof EdgeConfig>;
export type EmbeddedConfig = Static<typeof EmbeddedConfig>;
type Env = Record<string, string | undefined>;

const configs = { booking: BookingConfig, edge: EdgeConfig, embedded: EmbeddedConfig };
export type ProcessKind = keyof typeof configs;
/** Of all kinds of processes. */
export const settingNames = Object.values(configs).flatMap(({ properties }) => Object.keys(properties));

/** The settings of `env` that a process of this kind reads, and no others: an edge, for one, gets no session key. */
export function settingsOf(kind: ProcessKind, env: Env): Env {
  const names = Object.keys(configs[kind].properties).flatMap((name) => [name, `${name}_FILE`]);
  return Object.fromEntries(names.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));
}

export const loadBookingConfig = (env: Env): BookingConfig => withinVenueBound(load(BookingConfig, env));
export const loadEdgeConfig = (env: Env): EdgeConfig => load(EdgeConfig, env);
export const loadEmbeddedConfig = (env: Env): EmbeddedConfig => withinVenueBound(load(EmbeddedConfig, env));

/** A venue is one reply, and one actor and one line of the map for each seat: rows and columns are bounded together. */
const maxSeats = 100_000;

function withinVenueBound<Config extends VenueConfig>(config: Config): Config {
  const { VENUE_ROWS: rows, VENUE_COLS: cols } = config;
  if (rows * cols <= maxSeats) return config;
  throw new ConfigError(
    `These settings cannot be used:\n  VENUE_ROWS=${rows} and VENUE_COLS=${cols} make ${rows * cols} seats. A venue has at most ${maxSeats}: lower one of them.`,
  );
}

/** The schemas are ours: to check them as well would take most of what this takes of a start. */
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: true,
  useDefaults: true,
  removeAdditional: 'all',
  validateSchema: false,
});

/** Numbers are read from their text, `NAME_FILE` gives what is in that file, defaults are filled in, what is not in the schema is left out. */
export function load<Schema extends TObject>(schema: Schema, env: Env): Static<Schema> {
  const settings = withSettingsFromFiles(Object.keys(schema.properties), env);
  const validate = ajv.compile<Static<Schema>>(schema);
  if (validate(settings)) return settings;
  const lines = (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const allowed = 'allowedValues' in params ? `: ${params.allowedValues}` : '';
    return `  ${instancePath.slice(1)} ${message}${allowed}`;
  });
  throw new ConfigError(`These settings cannot be used:\n${lines.join('\n')}`);
}

/** `"3000, 3001"` → `["3000", "3001"]`. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
