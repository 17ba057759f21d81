import type { ClusterNode, RedisOptions } from 'ioredis';
import { ConfigError } from '../process/config-error.ts';
import { serverUrl } from '../process/server-url.ts';
import { settingProblem, withoutCredentials } from '../process/setting-problem.ts';

/** The settings that name the Redis servers. At most one of the first three is set. */
export interface RedisSettings {
  REDIS_URL?: string;
  /** Comma list of `host:port`, or of redis:// or rediss:// addresses with the login of the Sentinels. */
  REDIS_SENTINELS?: string;
  REDIS_SENTINEL_MASTER?: string;
  /** Comma list of `host:port`, or of redis:// or rediss:// addresses. */
  REDIS_CLUSTER?: string;
  /** The login of the Redis servers, unless their addresses have one. */
  REDIS_USERNAME?: string;
  REDIS_PASSWORD?: string;
  /** PEM certificates of the authorities to trust in place of the well-known ones. */
  REDIS_CA?: string;
  /** How many replicas must have a decision before its reply is sent; 0: none. */
  REDIS_WAIT_REPLICAS?: number;
  REDIS_KEY_PREFIX?: string;
}

/** Apply to a single server, to Sentinels and to a cluster alike. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** Where the Redis servers are and how to log in: arguments of the client library. */
export interface RedisPlace {
  /** Absent: a single server, or Sentinels, which are in `options`. */
  clusterNodes?: ClusterNode[];
  url?: string;
  options: ClientOptions;
  waitReplicas: number;
}

const defaultUrl = 'redis://127.0.0.1:6379';
const defaultPorts = { REDIS_SENTINELS: 26379, REDIS_CLUSTER: 6379 };

/** Throws a ConfigError if the settings contradict each other, or if an address is malformed. */
export function redisPlace(settings: RedisSettings): RedisPlace {
  const { REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER } = settings;
  const given = Object.entries({ REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length > 1) {
    throw new ConfigError(
      `${given.map(([name]) => name).join(' and ')} are set. Set only one of them: each says where Redis is.`,
    );
  }
  if (REDIS_SENTINELS !== undefined) return placeOfSentinels(REDIS_SENTINELS, settings);
  if (REDIS_CLUSTER !== undefined) return placeOfCluster(REDIS_CLUSTER, settings);
  const url = REDIS_URL ?? defaultUrl;
  const options = { ...loginOf(settings), ...tlsOf(url.startsWith('rediss:'), settings) };
  return { url, options, waitReplicas: settings.REDIS_WAIT_REPLICAS ?? 0 };
}

function placeOfSentinels(list: string, settings: RedisSettings): RedisPlace {
  const { REDIS_SENTINEL_MASTER: name, REDIS_WAIT_REPLICAS: waitReplicas = 1 } = settings;
  if (name === undefined) {
    throw new ConfigError(
      'REDIS_SENTINEL_MASTER is not set. It is the name of the primary in the Sentinels, e.g. mymaster.',
    );
  }
  const { nodes, isEncrypted, username, password } = addressesOf('REDIS_SENTINELS', list);
  const { tls } = tlsOf(isEncrypted, settings);
  const options: ClientOptions = {
    name,
    sentinels: nodes,
    ...loginOf(settings),
    ...(username && { sentinelUsername: username }),
    ...(password && { sentinelPassword: password }),
    ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
    failoverDetector: true,
    updateSentinels: false, // the setting names them all: an address that was learned may be of another network
    sentinelRetryStrategy: (attempt) => Math.min(50 * attempt, 500),
    sentinelReconnectStrategy: () => null, // the next connection to Redis queries all of them again
  };
  return { options, waitReplicas };
}

function placeOfCluster(list: string, settings: RedisSettings): RedisPlace {
  if (settings.REDIS_KEY_PREFIX?.includes('{')) {
    throw new ConfigError(
      settingProblem(
        'REDIS_KEY_PREFIX',
        settings.REDIS_KEY_PREFIX,
        'without braces in a cluster: they would keep all shows at one node',
      ),
    );
  }
  const { nodes, isEncrypted, username, password } = addressesOf('REDIS_CLUSTER', list);
  const login = loginOf(settings);
  const options: ClientOptions = {
    ...login,
    ...(username && { username }),
    ...(password && { password }),
    ...tlsOf(isEncrypted, settings),
  };
  return { clusterNodes: nodes, options, waitReplicas: settings.REDIS_WAIT_REPLICAS ?? 1 };
}

const loginOf = ({ REDIS_USERNAME: username, REDIS_PASSWORD: password }: RedisSettings) => ({
  ...(username && { username }),
  ...(password && { password }),
});

const tlsOf = (isEncrypted: boolean, { REDIS_CA: ca }: RedisSettings) =>
  isEncrypted ? { tls: { ...(ca && { ca }) } } : {};

interface Addresses {
  nodes: { host: string; port: number }[];
  isEncrypted: boolean;
  username: string;
  password: string;
}

/** The client takes login and encryption apart from the addresses: those of the first apply to all. */
function addressesOf(setting: keyof typeof defaultPorts, list: string): Addresses {
  const urls = list.split(',').map((address) => usableUrl(setting, address.trim()));
  const [first] = urls as [URL];
  return {
    nodes: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || defaultPorts[setting]),
    })),
    isEncrypted: first.protocol === 'rediss:',
    username: decodeURIComponent(first.username),
    password: decodeURIComponent(first.password),
  };
}

function usableUrl(setting: string, address: string): URL {
  const url = serverUrl(address, ['redis:', 'rediss:']);
  if (url) return url;
  throw new ConfigError(
    settingProblem(setting, withoutCredentials(address), 'a comma list of host:port, redis:// or rediss:// addresses'),
  );
}
