import { onTestFinished } from 'vitest';
import { type GridSize, gridPlan } from '../../src/shows/default-show.ts';
import { RedisConnection, type RedisConnectionOptions } from '../../src/store/redis-connection.ts';
import { RedisSeatStore, type RedisSeatStoreOptions } from '../../src/store/redis-seat-store.ts';
import { silent } from './silent.ts';

/** `rows` and `cols`: the plan, unless there is a `plan`. */
export type TestStoreOptions = Pick<RedisConnectionOptions, 'url' | 'callTimeoutMs'> &
  Partial<Omit<RedisSeatStoreOptions, 'connection'> & GridSize>;

/** A store with a connection of its own, as another process has. The caller closes the connection. */
export function connectedStore({ url, callTimeoutMs, rows = 2, cols = 3, ...options }: TestStoreOptions) {
  const { keyPrefix = '', logger = silent } = options;
  const connection = new RedisConnection({ url, keyPrefix, logger, ...(callTimeoutMs && { callTimeoutMs }) });
  const plan = options.plan ?? gridPlan({ rows, cols });
  const rules = { holdTtlMs: 30_000, maxHoldsPerUser: 100 };
  return { connection, store: new RedisSeatStore({ ...rules, ...options, keyPrefix, logger, plan, connection }) };
}

/** A store with a connection of its own, which is closed when the test has finished. */
export function redisStore(options: TestStoreOptions): RedisSeatStore {
  const { connection, store } = connectedStore(options);
  onTestFinished(() => connection.close());
  return store;
}
