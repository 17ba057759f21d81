import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { RedisClusterServers } from './redis-cluster-servers.ts';
import { RedisConnection, type RedisServers, redisOptions } from './redis-connection.ts';
import type { RedisPlace } from './redis-place.ts';

export interface RedisServersOptions {
  place: RedisPlace;
  logger: Logger;
  callTimeoutMs?: number;
  /** Called when the replicas did not confirm a write in time. */
  onUnreplicated?: () => void;
}

/** Returns at once and connects in the background, again after each loss. */
export function connectRedis({ place, callTimeoutMs = 1_000, ...options }: RedisServersOptions): RedisServers {
  const { clusterNodes, url, waitReplicas } = place;
  const connectionOptions = { ...options, waitReplicas, callTimeoutMs };
  const clientOptions = { ...redisOptions(callTimeoutMs), ...place.options };
  if (clusterNodes) return new RedisClusterServers(clusterNodes, clientOptions, connectionOptions);
  const retrying = { ...clientOptions, retryStrategy: (attempt: number) => Math.min(50 * attempt, 500) };
  const redis = url === undefined ? new Redis(retrying) : new Redis(url, retrying);
  const connection = new RedisConnection(redis, connectionOptions);
  return { isCluster: false, of: () => connection, close: () => connection.close() };
}
