import { onTestFinished } from 'vitest';
import { type GridSize, gridPlan } from '../../src/shows/default-show.ts';
import { type RedisPlace, redisPlace } from '../../src/store/redis-place.ts';
import { RedisSeatStore, type RedisSeatStoreOptions } from '../../src/store/redis-seat-store.ts';
import { connectRedis, type RedisServersOptions } from '../../src/store/redis-servers.ts';
import { silent } from './silent.ts';

/** `rows` and `cols`: the plan, unless there is a `plan`. */
export type TestStoreOptions = { url?: string; place?: RedisPlace } & Pick<
  RedisServersOptions,
  'callTimeoutMs' | 'onUnreplicated'
> &
  Partial<Omit<RedisSeatStoreOptions, 'servers'> & GridSize>;

/** A store with connections of its own, as another process has. The caller closes them. `url`: the place, unless there is a `place`. */
export function connectedStore({
  url,
  callTimeoutMs,
  onUnreplicated,
  rows = 2,
  cols = 3,
  ...options
}: TestStoreOptions) {
  const { keyPrefix = '', logger = silent, place = redisPlace(url === undefined ? {} : { REDIS_URL: url }) } = options;
  const servers = connectRedis({
    place,
    logger,
    ...(callTimeoutMs && { callTimeoutMs }),
    ...(onUnreplicated && { onUnreplicated }),
  });
  const plan = options.plan ?? gridPlan({ rows, cols });
  const rules = { holdTtlMs: 30_000, maxHoldsPerUser: 100 };
  return { servers, store: new RedisSeatStore({ ...rules, ...options, keyPrefix, logger, plan, servers }) };
}

/** A store with connections of its own, which are closed when the test has finished. */
export function redisStore(options: TestStoreOptions): RedisSeatStore {
  const { servers, store } = connectedStore(options);
  onTestFinished(() => servers.close());
  return store;
}
