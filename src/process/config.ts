import { Ajv } from 'ajv';
import { type Static, type TObject, Type } from 'typebox';
import { ConfigError } from './config-error.ts';
import { settingProblem } from './setting-problem.ts';
import { withSettingsFromFiles } from './settings-from-files.ts';

/** `guest`: a caller without a session names itself, but never as the user of a session. `required`: commands need a session. */
export type AuthMode = 'guest' | 'required';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof levels)[number];
const samplers = [
  ...(['always_on', 'always_off', 'traceidratio'] as const),
  ...(['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'] as const),
] as const;

// `must`, in the schemas below, is what the error message says about a value that the pattern refuses. A `secret` is not quoted.
const Port = (defaultPort: number) => Type.Integer({ minimum: 1, maximum: 65535, default: defaultPort });
const ListenHost = Type.String({ default: '127.0.0.1', description: 'The address to listen on' });
const HttpUrls = {
  pattern: '^\\s*https?://[^\\s,]+(\\s*,\\s*https?://[^\\s,]+)*\\s*$',
  must: 'a comma list of http:// URLs',
};

/** Names and values are those of OpenTelemetry. */
const Traces = {
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({
    default: '',
    pattern: '^(https?://[^\\s,]+)?$',
    must: 'a URL that begins with http:// or https://, or empty',
    description: 'Where traces are sent, by OTLP over HTTP; empty: nowhere',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: Type.String({
    default: '',
    secret: true,
    description: 'Comma list of <name>=<value>: headers of the requests with traces',
  }),
  OTEL_RESOURCE_ATTRIBUTES: Type.String({
    default: '',
    description: 'Comma list of <name>=<value>: attributes of the process in traces',
  }),
  OTEL_TRACES_SAMPLER: Type.Unsafe<(typeof samplers)[number]>({
    type: 'string',
    enum: samplers,
    default: 'parentbased_always_on',
    description: 'Which traces are recorded',
  }),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'The share of traces that a sampler with traceidratio records',
  }),
};

const Common = {
  ...Traces,
  LOG_LEVEL: Type.Unsafe<Level>({ type: 'string', enum: levels, default: 'info' }),
  HOST: ListenHost,
};

const Venue = {
  VENUE: Type.String({ default: 'main', pattern: '^[a-z0-9-]{1,32}$', must: '1 to 32 characters of a-z, 0-9 and -' }),
  VENUE_ROWS: Type.Integer({ minimum: 1, maximum: 18278, default: 10 }),
  VENUE_COLS: Type.Integer({ minimum: 1, maximum: 99999, default: 10 }),
  SHOWS_DIR: Type.Optional(
    Type.String({
      description: 'Folder of the show files, shows/ of the project by default; empty: only the default show',
    }),
  ),
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
    description: 'Comma list of origins (https://partner.example) whose pages may call the API and open a WebSocket',
  }),
  ALLOWED_HOSTS: Type.String({
    default: '',
    description: 'Comma list of names under which the API answers over plain HTTP, besides addresses and local names',
  }),
  TRUSTED_PROXIES: Type.String({
    default: '127.0.0.1,::1',
    description:
      'Comma list of addresses, networks, loopback, linklocal, uniquelocal: peers whose X-Forwarded-For and -Proto are trusted',
  }),
  SESSION_COOKIE: Type.String({
    default: 'session',
    pattern: '^[A-Za-z0-9_-]{1,64}$',
    must: '1 to 64 characters of A-Z, a-z, 0-9, _ and -',
    description: 'Name of the session cookie. Cookies ignore ports: each installation on a host needs its own',
  }),
  RATE_LIMIT: Type.Unsafe<'on' | 'off'>({ type: 'string', enum: ['on', 'off'], default: 'on' }),
};

const Sockets = {
  ...Door,
  MAX_CONNECTIONS: Type.Integer({ minimum: 1, default: 20_000, description: 'Per edge' }),
  CONNECTIONS_PER_ADDRESS: Type.Integer({ minimum: 1, default: 200 }),
  MESSAGES_PER_SECOND: Type.Integer({
    minimum: 1,
    default: 50,
    description: 'Per connection; raised to what MAX_HOLDS_PER_USER needs to hold and book all seats at once',
  }),
  CLIENT_BUFFERS_MIB: Type.Integer({
    minimum: 1,
    default: 256,
    description: 'Memory of one edge for unread messages of its clients; beyond it the slowest clients are dropped',
  }),
};

const Access = {
  AUTH_MODE: Type.Optional(
    Type.Unsafe<AuthMode>({
      type: 'string',
      enum: ['guest', 'required'],
      description: 'Whether a caller without a session may send commands',
    }),
  ),
  SESSION_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      must: 'a comma list of <id>:<secret in base64url>, or unset',
      description: 'Comma list of <id>:<secret>: the first key signs, the others are older keys that still verify',
    }),
  ),
  SESSION_HOURS: Type.Number({ exclusiveMinimum: 0, maximum: 8760, default: 24 }),
  SESSION_MAX_DAYS: Type.Number({
    exclusiveMinimum: 0,
    maximum: 3650,
    default: 30,
    description: 'A session ends for good this long after its first token, however often it is renewed',
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

/** Of these, at most one of the first three is set. Without any: redis://127.0.0.1:6379. */
const RedisLinks = {
  REDIS_URL: Type.Optional(
    Type.String({ pattern: '^rediss?://', must: 'a URL that begins with redis:// or rediss://, or unset' }),
  ),
  REDIS_SENTINELS: Type.Optional(
    Type.String({
      minLength: 1,
      must: 'a comma list of host:port, or unset',
      description: 'Comma list of the addresses of Sentinels, with their login if they have one',
    }),
  ),
  REDIS_SENTINEL_MASTER: Type.Optional(
    Type.String({
      minLength: 1,
      must: 'a name, or unset',
      description: 'The name of the primary in the Sentinels',
    }),
  ),
  REDIS_CLUSTER: Type.Optional(
    Type.String({
      minLength: 1,
      must: 'a comma list of host:port, or unset',
      description: 'Comma list of the addresses of some nodes of a Redis Cluster',
    }),
  ),
  REDIS_USERNAME: Type.Optional(Type.String({ minLength: 1, must: 'a name, or unset' })),
  REDIS_PASSWORD: Type.Optional(Type.String({ minLength: 1, must: 'a password, or unset' })),
  REDIS_CA: Type.Optional(
    Type.String({
      pattern: '-----BEGIN CERTIFICATE-----',
      must: 'a certificate in PEM, or unset',
      description: 'Certificates of the authorities to trust for rediss://; REDIS_CA_FILE names a file of them',
    }),
  ),
  REDIS_WAIT_REPLICAS: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 9,
      description: 'How many replicas must have a decision before its reply is sent; 1 with Sentinels or a cluster',
    }),
  ),
  REDIS_KEY_PREFIX: Type.String({ default: '', description: 'Prefix of all keys' }),
};

/** An address of Postgres. */
export const DatabaseUrl = Type.String({
  pattern: '^postgres(ql)?://',
  must: 'a URL that begins with postgres://, or unset',
});

const Checkout = {
  PAYMENT_PROVIDER: Type.Unsafe<'off' | 'sandbox' | 'stripe'>({
    type: 'string',
    enum: ['off', 'sandbox', 'stripe'],
    default: 'off',
    description: 'Who takes the money of shows with prices; off: their seats are booked without a payment',
  }),
  PAYMENT_SECONDS: Type.Number({ minimum: 60, maximum: 3600, default: 600, description: 'The time to pay an order' }),
  SHOP_URL: Type.String({
    default: '',
    pattern: '^(https?://[^\\s/]+)?$',
    must: 'the origin of the shop, such as https://tickets.example, or empty',
    description: 'Where the pay page sends the payer back to',
  }),
  TICKET_KEYS: Type.Optional(
    Type.String({
      minLength: 1,
      must: 'a comma list of <id>:<secret in base64url>, or unset',
      description: 'As SESSION_KEYS, for the codes of tickets',
    }),
  ),
  SANDBOX_WEBHOOK_SECRET: Type.Optional(
    Type.String({
      minLength: 16,
      secret: true,
      must: 'at least 16 characters, or unset',
      description: 'Signs the webhooks of the sandbox; the same for all booking processes',
    }),
  ),
  STRIPE_SECRET_KEY: Type.Optional(
    Type.String({ pattern: '^(sk|rk)_', secret: true, must: 'a secret key of Stripe (sk_… or rk_…), or unset' }),
  ),
  STRIPE_WEBHOOK_SECRET: Type.Optional(
    Type.String({ pattern: '^whsec_', secret: true, must: 'the secret of a webhook endpoint (whsec_…), or unset' }),
  ),
  STRIPE_API_URL: Type.Optional(
    Type.String({
      pattern: '^http://127\\.0\\.0\\.1:[0-9]+$',
      must: 'http://127.0.0.1:<port> of a stand-in for Stripe, or unset',
      description: 'For tests: a stand-in for Stripe on this machine',
    }),
  ),
};

const Links = {
  ...RedisLinks,
  NATS_URL: Type.String({
    default: 'nats://127.0.0.1:4222',
    description: 'Comma list of the servers of a cluster; the process connects to any of them',
  }),
  NATS_STREAM_REPLICAS: Type.Integer({
    minimum: 1,
    maximum: 5,
    default: 1,
    description: 'How many servers of a NATS cluster store each event, when the stream is created',
  }),
  DATABASE_URL: Type.Optional(DatabaseUrl),
  DATABASE_OWNER_URL: Type.Optional(DatabaseUrl),
};

const Inspect = {
  INSPECT: Type.Unsafe<'on' | 'off'>({ type: 'string', enum: ['on', 'off'], default: 'off' }),
  INSPECTOR_URL: Type.String({
    default: 'https://stately.ai/inspect',
    pattern: '^https?://',
    must: 'a URL that begins with http:// or https://',
  }),
  INSPECT_PEERS: Type.String({
    ...HttpUrls,
    pattern: `${HttpUrls.pattern}|^$`,
    default: '',
    description: 'Comma list of the URLs of all booking processes',
  }),
  INSPECT_HOSTS: Type.String({ default: '', description: 'Comma list of names of this host, besides localhost' }),
};

const BookingConfig = Type.Object({
  ...Common,
  ...Venue,
  ...Access,
  ...Links,
  ...Checkout,
  ...Inspect,
  PORT: Port(8080),
  STATUS_PEERS: Type.String({
    ...HttpUrls,
    pattern: `${HttpUrls.pattern}|^$`,
    default: '',
    description: 'Comma list of the URLs of all processes that /status shows; empty: this one',
  }),
});
const EdgeConfig = Type.Object({
  ...Common,
  NATS_URL: Links.NATS_URL,
  VENUE: Venue.VENUE,
  ...Sockets,
  PORT: Port(3000),
  BOOKING_URLS: Type.String({
    ...HttpUrls,
    default: 'http://127.0.0.1:8080',
    description: 'Comma list of booking processes; the next one is tried if one fails',
  }),
});
const EmbeddedConfig = Type.Object({
  ...Common,
  ...Venue,
  ...Access,
  ...Sockets,
  ...Checkout,
  // Browsers connect directly, from loopback too.
  TRUSTED_PROXIES: Type.String({ ...Door.TRUSTED_PROXIES, default: '' }),
  ...Inspect,
  PORT: Port(8000),
});

const TracesSettings = Type.Object(Traces);
export type TracesConfig = Static<typeof TracesSettings>;
export const tracesSettings = Object.keys(Traces) as (keyof TracesConfig)[];
const CheckoutSettings = Type.Object(Checkout);
export type CheckoutConfig = Static<typeof CheckoutSettings>;
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
/** The settings of all kinds of processes. */
export const settingNames = Object.values(configs).flatMap(({ properties }) => Object.keys(properties));

/** The settings of `env` that a process of this kind reads, and no others: an edge gets no session key. */
export function settingsOf(kind: ProcessKind, env: Env): Env {
  const names = Object.keys(configs[kind].properties).flatMap((name) => [name, `${name}_FILE`]);
  return Object.fromEntries(names.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));
}

export const loadBookingConfig = (env: Env): BookingConfig => withinVenueBound(load(BookingConfig, env));
export const loadEdgeConfig = (env: Env): EdgeConfig => load(EdgeConfig, env);
export const loadEmbeddedConfig = (env: Env): EmbeddedConfig => withinVenueBound(load(EmbeddedConfig, env));

/** Limits rows and columns together: every seat has an actor and is part of one reply. */
const maxSeats = 100_000;

function withinVenueBound<Config extends VenueConfig>(config: Config): Config {
  const { VENUE_ROWS: rows, VENUE_COLS: cols } = config;
  if (rows * cols <= maxSeats) return config;
  throw new ConfigError(
    `These settings cannot be used:\n  VENUE_ROWS=${rows} and VENUE_COLS=${cols} make ${rows * cols} seats. A venue has at most ${maxSeats} seats: lower one of them.`,
  );
}

/** The schemas are ours: validating them too would take most of the time of loading the settings. */
const ajv = new Ajv({
  allErrors: true,
  coerceTypes: true,
  useDefaults: true,
  removeAdditional: 'all',
  validateSchema: false,
  keywords: ['must', 'secret'],
});

/** Parses numbers, reads `NAME_FILE` settings from their files, fills in defaults and drops variables that are not in the schema. */
export function load<Schema extends TObject>(schema: Schema, env: Env): Static<Schema> {
  const settings = withSettingsFromFiles(Object.keys(schema.properties), env);
  const given = { ...settings };
  const validate = ajv.compile<Static<Schema>>(schema);
  if (validate(settings)) return settings;
  const names = new Set((validate.errors ?? []).map(({ instancePath }) => instancePath.slice(1)));
  const problems = [...names].map((name) => {
    const constraints: Constraints = { ...schema.properties[name] };
    const must = requirementOf(constraints);
    if (env[name] === given[name]) return settingProblem(name, constraints.secret ? '…' : (given[name] ?? ''), must);
    return settingProblem(`${name}_FILE`, env[`${name}_FILE`] ?? '', `a file that contains ${must}`);
  });
  throw new ConfigError(
    `These settings cannot be used:\n${problems.map((each) => `  ${each}\n`).join('')}docs/configuration.md explains every setting.`,
  );
}

interface Constraints {
  type?: string;
  must?: string;
  secret?: boolean;
  enum?: readonly string[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

/** In words that continue "must be". */
function requirementOf({ type, must, enum: allowed, minimum, exclusiveMinimum, maximum }: Constraints): string {
  if (must) return must;
  if (allowed) return `one of ${allowed.join(', ')}`;
  if (type === 'string') return 'set to a value, or unset';
  const number = type === 'integer' ? 'a whole number' : 'a number';
  if (exclusiveMinimum !== undefined) return `${number} above ${exclusiveMinimum}, at most ${maximum}`;
  return maximum === undefined ? `${number}, at least ${minimum}` : `${number} from ${minimum} to ${maximum}`;
}

/** `"3000, 3001"` → `["3000", "3001"]`. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
