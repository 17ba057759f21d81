import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import type { VenueSettings } from '../booking/venue-settings.ts';
import { errorOf } from '../process/error-facts.ts';
import { redisFitness } from '../store/redis-fitness.ts';
import type { RedisPlace } from '../store/redis-place.ts';
import { certificateProblem, type GivenSetting, noAnswer, parseAddress, redacted } from './given-address.ts';
import { GivenServerError } from './given-server-error.ts';
import { print } from './print.ts';

const loadingPollMs = 250;

/** The Redis servers of an operator. */
export interface GivenRedis {
  setting: Exclude<GivenSetting, 'NATS_URL'>;
  /** The value of the setting. */
  addresses: string;
  place: RedisPlace;
}

interface JudgeOptions {
  keyPrefix: string;
  venue: VenueSettings;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Returns warnings; throws a GivenServerError if this Redis cannot be used. Waits while it loads its data. */
export async function judgeRedis(
  given: GivenRedis,
  { keyPrefix, venue, timeoutMs, signal }: JudgeOptions,
): Promise<string[]> {
  const { setting, addresses, place } = given;
  if (setting === 'REDIS_URL') parseAddress(setting, addresses);
  const name = `${setting}=${redacted(addresses)}`;
  let firstError: Error | undefined;
  const redis = clientFor(place, timeoutMs);
  redis.on('error', (error) => {
    firstError ??= error;
  });
  // One time-out for all: those of the client (connection, handshake, disconnection) would add up.
  const expired = new AbortController();
  const timer = setTimeout(() => expired.abort(new Error(`no reply within ${timeoutMs / 1_000} s`)), timeoutMs);
  const isClusterNode = place.clusterNodes !== undefined;
  const fitnessOptions = {
    keyPrefix,
    venue,
    isClusterNode,
    waitReplicas: place.waitReplicas,
  };
  const judge = async () => {
    await redis.connect();
    await loaded(redis, name, timer, signal);
    const { problem, warnings } = await redisFitness(redis, fitnessOptions);
    if (firstError) throw firstError; // if SELECT fails, the client silently continues in database 0
    if (problem) throw new GivenServerError(`${name} cannot be used. ${problem}`);
    return [...warnings, ...(await syncWarning(redis))].map((text) => `${name}: ${text}`);
  };
  try {
    return await Promise.race([judge(), rejectedBy(expired.signal)]);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof GivenServerError) throw cause;
    throw connectProblem(given, firstError ?? errorOf(cause));
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

type Client = Redis | Cluster;

function clientFor({ clusterNodes, url, options: given }: RedisPlace, timeoutMs: number): Client {
  const options = {
    ...given,
    lazyConnect: true,
    enableReadyCheck: false, // it would wait silently while Redis loads its data
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    failoverDetector: false,
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    disableClientInfo: true,
  };
  if (!clusterNodes) return url === undefined ? new Redis(options) : new Redis(url, options);
  return new Cluster(clusterNodes, { lazyConnect: true, redisOptions: options, clusterRetryStrategy: () => null });
}

const rejectedBy = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** Waits until Redis has loaded its data: a large append-only file takes minutes. */
async function loaded(redis: Client, name: string, timer: NodeJS.Timeout, signal: AbortSignal): Promise<void> {
  const isLoading = async () => /^loading:1/m.test(await redis.info('persistence').catch(() => ''));
  if (!(await isLoading())) return;
  clearTimeout(timer);
  print(`${name} is still loading its data. Waiting for it …`);
  do await sleep(loadingPollMs, undefined, { signal });
  while (await isLoading());
}

/** Reads the setting with CONFIG; without the right to do so there is no warning. */
async function syncWarning(redis: Client): Promise<string[]> {
  const settings = String(await redis.config('GET', 'append*').catch(() => '')).replaceAll(',', ' ');
  if (!settings.includes('appendonly yes') || settings.includes('appendfsync always')) return [];
  return ['Its appendfsync is not "always", so a power cut loses the last bookings. Set appendfsync always.'];
}

/** Translates a connection error of the client into a message about the setting. */
function connectProblem({ setting, addresses }: GivenRedis, error: NodeJS.ErrnoException): Error {
  const { message, code } = error;
  const problem = (text: string) => new GivenServerError(`${setting}=${redacted(addresses)} ${text}`);
  const firstByte = /Unknown RESP type \d+ "(.)"/.exec(message)?.[1];
  if (firstByte)
    return problem(
      `is not a Redis server: ${serversByFirstByte[firstByte] ?? 'another server'} answers there. Correct the address.`,
    );
  if (/NOAUTH/.test(message))
    return problem(
      'requires a password. Add it to the address: redis://:<password>@<host> or redis://<user>:<password>@<host>.',
    );
  if (/WRONGPASS|invalid password/.test(message))
    return problem('refuses the user or the password. Correct them in the address.');
  if (/unknown command.*HELLO/i.test(message)) return problem('is too old. Version 7.0 or newer is needed.');
  if (/DB index|SELECT is not allowed/.test(message))
    return problem('has no database of this number. Correct the end of the address.');
  const isEncrypted = addresses.startsWith('rediss:');
  if (isEncrypted && (code === 'ETIMEDOUT' || code === 'EPROTO' || /^no reply/.test(message)))
    return problem(`does not reply over TLS (${message}). Without TLS the address begins with redis://.`);
  if (!isEncrypted && (code === 'ECONNRESET' || message === 'Connection is closed.'))
    return problem(`closes the connection (${message}). With TLS the address begins with rediss://.`);
  return certificateProblem(setting, addresses, error) ?? noAnswer(setting, addresses, message);
}

const serversByFirstByte: Record<string, string> = { H: 'an HTTP server', I: 'a NATS server' };
