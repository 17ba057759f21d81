import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { VenueSettings } from '../booking/venue-settings.ts';
import { redisFitness } from '../store/redis-fitness.ts';
import { certificateProblem, noAnswer, parseAddress, redacted } from './given-address.ts';
import { GivenServerError } from './given-server-error.ts';
import { print } from './print.ts';

const setting = 'REDIS_URL';
const loadingPollMs = 250;

interface JudgeOptions {
  keyPrefix: string;
  venue: VenueSettings;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Returns warnings; throws a GivenServerError if this Redis cannot be used. Waits for as long as it loads its data. */
export async function judgeRedis(
  address: string,
  { keyPrefix, venue, timeoutMs, signal }: JudgeOptions,
): Promise<string[]> {
  parseAddress(setting, address);
  let firstError: Error | undefined;
  const redis = new Redis(address, {
    lazyConnect: true,
    enableReadyCheck: false, // it waits for the end of loading without a word
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    commandTimeout: timeoutMs,
    connectTimeout: timeoutMs,
    disableClientInfo: true,
  });
  redis.on('error', (error) => {
    firstError ??= error;
  });
  // The client's own time-outs follow each other: of the connection, of the greeting, of the disconnection.
  const expired = new AbortController();
  const timer = setTimeout(() => expired.abort(new Error(`no reply within ${timeoutMs / 1_000} s`)), timeoutMs);
  const judge = async () => {
    await redis.connect();
    await loaded(redis, address, timer, signal);
    const { problem, warnings } = await redisFitness(redis, { keyPrefix, venue });
    if (firstError) throw firstError; // of SELECT: the client goes on in database 0
    if (problem) throw new GivenServerError(`${setting}=${redacted(address)} cannot be used. ${problem}`);
    return [...warnings, ...(await syncWarning(redis))].map((text) => `${setting}=${redacted(address)}: ${text}`);
  };
  try {
    return await Promise.race([judge(), rejectedBy(expired.signal)]);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof GivenServerError) throw cause;
    throw connectProblem(address, firstError ?? (cause as Error));
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

const rejectedBy = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

/** A large append-only file takes minutes. */
async function loaded(redis: Redis, address: string, timer: NodeJS.Timeout, signal: AbortSignal): Promise<void> {
  const isLoading = async () => /^loading:1/m.test(await redis.info('persistence').catch(() => ''));
  if (!(await isLoading())) return;
  clearTimeout(timer);
  print(`${setting}=${redacted(address)} is still loading its data. Waiting for it …`);
  do await sleep(loadingPollMs, undefined, { signal });
  while (await isLoading());
}

/** Only CONFIG knows it; without the right to CONFIG there is no warning. */
async function syncWarning(redis: Redis): Promise<string[]> {
  const settings = ((await redis.config('GET', 'append*').catch(() => [])) as string[]).join(' ');
  if (!settings.includes('appendonly yes') || settings.includes('appendfsync always')) return [];
  return ['Its appendfsync is not "always", so a power cut loses the last bookings. Set appendfsync always.'];
}

/** Why the client has no connection that it can use, in the words of the setting. */
function connectProblem(address: string, error: NodeJS.ErrnoException): Error {
  const { message, code } = error;
  const problem = (text: string) => new GivenServerError(`${setting}=${redacted(address)} ${text}`);
  const firstByte = /Unknown RESP type \d+ "(.)"/.exec(message)?.[1];
  if (firstByte)
    return problem(`is not a Redis: ${speakers[firstByte] ?? 'another server'} answers there. Correct the address.`);
  if (/NOAUTH/.test(message))
    return problem(
      'asks for a password. Write it into the address: redis://:<password>@<host> or redis://<user>:<password>@<host>.',
    );
  if (/WRONGPASS|invalid password/.test(message))
    return problem('refuses the user or the password. Correct them in the address.');
  if (/unknown command.*HELLO/i.test(message)) return problem('is too old. Version 7.0 or newer is needed.');
  if (/DB index|SELECT is not allowed/.test(message))
    return problem('has no database of this number. Correct the end of the address.');
  const isEncrypted = address.startsWith('rediss:');
  if (isEncrypted && (code === 'ETIMEDOUT' || code === 'EPROTO' || /^no reply/.test(message)))
    return problem(`does not answer over TLS (${message}). Without TLS its address begins with redis://.`);
  if (!isEncrypted && (code === 'ECONNRESET' || message === 'Connection is closed.'))
    return problem(`closes the connection (${message}). With TLS its address begins with rediss://.`);
  return certificateProblem(setting, address, error) ?? noAnswer(setting, address, message);
}

/** By the first byte that they send. */
const speakers: Record<string, string> = { H: 'an HTTP server', I: 'a NATS server' };
