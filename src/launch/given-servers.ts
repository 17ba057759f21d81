import { errorOf } from '../process/error-facts.ts';
import { judgeNats } from './given-nats.ts';
import { judgePostgres } from './given-postgres.ts';
import { judgeRedis } from './given-redis.ts';
import { GivenServerError } from './given-server-error.ts';
import type { LaunchConfig } from './launch-config.ts';

/** A start reports an error within 5 s; Node and the launcher need the rest. */
const timeoutMs = 3_500;

/**
 * Checks the servers of REDIS_URL, NATS_URL and DATABASE_URL before anything is started: a wrong address is reported immediately instead of
 * as a time-out of a process that uses it. Returns warnings for the operator.
 */
export async function requireGivenServers(
  { redis, nats, database, keyPrefix, venue }: LaunchConfig,
  signal: AbortSignal,
): Promise<string[]> {
  const judged = await Promise.allSettled([
    redis.url ? judgeRedis(redis.url, { keyPrefix, venue, timeoutMs, signal }) : [],
    nats.url ? judgeNats(nats.url, { timeoutMs }) : [],
    database.url ? judgePostgres({ ...database, url: database.url }, { timeoutMs }) : [],
  ]);
  signal.throwIfAborted();
  const problems = judged.filter((result) => result.status === 'rejected').map(({ reason }) => errorOf(reason));
  const unexpected = problems.find((problem) => !(problem instanceof GivenServerError));
  if (unexpected) throw unexpected;
  if (problems.length > 0) throw new GivenServerError(problems.map(({ message }) => message).join('\n'));
  return judged.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
}
