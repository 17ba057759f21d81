import type { Cluster, Redis } from 'ioredis';
import { errorOf } from '../process/error-facts.ts';
import checkWritableLua from './lua/check-writable.lua';
import { storedPlan } from './stored-plan.ts';
import { keyPrefixOf, VenueKeys } from './venue-keys.ts';
import { type NamedGrid, venueMismatch } from './venue-mismatch.ts';

export interface RedisFitness {
  /** Why this Redis must not be used, with the remedy; absent if it may be used. */
  problem?: string;
  /** Facts that an operator should know before a sale. */
  warnings: string[];
  /** True if it takes no writes without replicas (min-replicas-to-write). */
  needsReplicas?: boolean;
}

const minVersion = '7.0';
/** Besides SET and DEL, which the script always runs. */
const neededCommands = [
  ...['XADD', 'XRANGE', 'XREVRANGE', 'XTRIM', 'HSET', 'HGET', 'HMGET', 'HDEL', 'HGETALL', 'HLEN'],
  ...['GET', 'MGET', 'EXISTS', 'PERSIST', 'PEXPIRETIME', 'PTTL'],
];

interface InfoOptions {
  /** True if Redis is reached as a node of a Redis Cluster. */
  isClusterNode?: boolean | undefined;
  /** How many replicas must have a decision before its reply is sent. */
  waitReplicas?: number | undefined;
}

/** No show has this id. */
const anotherShow = '.';

interface FitnessOptions extends InfoOptions {
  /** Precedes the keys of all shows. */
  keyPrefix: string;
  /** The default show: if Redis remembers another one, that is a problem. */
  venue?: Required<NamedGrid>;
}

/**
 * Checks whether a Redis can hold a venue: version, role, eviction, cluster, persistence, rights and writability. Leaves
 * no key behind. Rejects with the error of ioredis if Redis does not reply.
 */
export async function redisFitness(
  redis: Redis | Cluster,
  { keyPrefix, venue, ...options }: FitnessOptions,
): Promise<RedisFitness> {
  let info: string;
  try {
    info = await redis.info();
  } catch (error) {
    return refusedBy(errorOf(error));
  }
  const fitness = fitnessOf(info, options);
  if (fitness.problem) return fitness;
  const ofDefault = keyPrefixOf(keyPrefix, options.isClusterNode ? venue?.name : undefined);
  try {
    for (const prefix of [ofDefault, keyPrefixOf(keyPrefix, anotherShow)])
      await redis.eval(checkWritableLua, 2, ...writableKeys(prefix), ...neededCommands);
    const known = venue && (await knownGrid(redis, new VenueKeys(ofDefault)));
    const problem = known && venueMismatch(known, venue);
    return { ...fitness, ...(problem && { problem }) };
  } catch (error) {
    return { ...fitness, ...refusedBy(errorOf(error)) };
  }
}

/** Undefined: nothing was sold here. Without a readable plan any size fits: `RedisVenue` compares seat by seat. */
async function knownGrid(redis: Redis | Cluster, keys: VenueKeys): Promise<NamedGrid | undefined> {
  const { venue: name, plan: hash } = await redis.hgetall(keys.about);
  if (name === undefined) return undefined;
  const plan = hash === undefined ? undefined : storedPlan(await redis.get(keys.plan), hash);
  return { name, rows: plan?.rows.length ?? 0, cols: plan?.longestRow ?? 0 };
}

/** The keys of `lua/check-writable.lua`: one of each kind of the booking service, but none that it uses. */
export const writableKeys = (keyPrefix: string): [string, string] => [
  `${keyPrefix}venue:writable`,
  `${keyPrefix}seat:-:lock`,
];

/** From the text of `INFO`. Source: https://redis.io/docs/latest/commands/info/ */
export function fitnessOf(info: string, { isClusterNode = false, waitReplicas = 0 }: InfoOptions = {}): RedisFitness {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const warnings: string[] = [];
  const problem = (text: string): RedisFitness => ({ problem: text, warnings });

  const version = field('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= 7)) {
    return problem(`It is Redis ${version}; version ${minVersion} or newer is needed.`);
  }
  if (field('loading') === '1') return problem('It is still loading its data. Wait until it has finished.');
  if (field('role') === 'slave') {
    return problem(`It is a replica of ${field('master_host')}:${field('master_port')}. Use the primary's address.`);
  }
  if (field('cluster_enabled') === '1' && !isClusterNode) {
    return problem('It is a node of a Redis Cluster. Set REDIS_CLUSTER in place of REDIS_URL.');
  }
  const policy = field('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    return problem(
      `It may evict keys (maxmemory-policy ${policy}), and a lost key could be a sold seat. Set maxmemory-policy to noeviction.`,
    );
  }
  if (field('aof_enabled') === '0') {
    warnings.push(
      'It has no append-only file, so a restart loses holds and bookings. Set appendonly yes and appendfsync always.',
    );
  }
  const needsReplicas = field('min_slaves_good_slaves') !== undefined;
  if (waitReplicas > 0 && !needsReplicas) {
    warnings.push(
      'It takes writes that no replica has, and a failover loses them. Set min-replicas-to-write 1 and min-replicas-max-lag 2.',
    );
  }
  if (field('aof_last_write_status') === 'err') warnings.push('Its last write to the append-only file failed.');
  return { warnings, ...(needsReplicas && { needsReplicas }) };
}

function refusedBy(error: Error): RedisFitness {
  const { message } = error;
  const problem = unwritableReason(message) ?? missingRight(message);
  if (problem) return { problem, warnings: [] };
  throw error;
}

function missingRight(message: string): string | undefined {
  if (!/NOPERM|can't run this command|ACL failure/.test(message)) return undefined;
  return `Its user lacks a right that the booking service needs (${message}). Grant the rights listed in docs/operations.md.`;
}

/** The reason and the remedy if Redis refuses a write at the moment; undefined for any other error. */
export function unwritableReason(message: string): string | undefined {
  for (const [pattern, reason] of unwritable) if (pattern.test(message)) return reason;
  return undefined;
}

const unwritable: readonly [RegExp, string][] = [
  [/\bREADONLY\b/, 'It is a read-only replica. Use the primary.'],
  [/\bOOM\b/, 'It has reached its maxmemory. Raise maxmemory, or free memory.'],
  [/\bMISCONF\b/, 'It cannot save its data to disk. Free disk space, or repair its data folder; its log says why.'],
  [/\bNOREPLICAS\b/, 'It has too few replicas (min-replicas-to-write). Start the replicas.'],
  [/\bLOADING\b/, 'It is still loading its data. Wait until it has finished.'],
  [/\bCLUSTERDOWN\b/, 'A part of the cluster has no primary. Wait for the failover, or start its nodes.'],
  [/\bMASTERDOWN\b/, 'It is a replica without its primary. Use the primary.'],
];
