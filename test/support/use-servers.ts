import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { startNats, type TestServer } from './servers.ts';
import { useRedis } from './use-redis.ts';

export interface UsedServers {
  /** All exist from `beforeAll` on. */
  readonly redis: TestServer;
  readonly nats: TestServer;
  readonly admin: Redis;
}

/** A Redis, emptied before each test, and a NATS for the tests of a file. */
export function useServers(): UsedServers {
  const used = useRedis();
  let nats: TestServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats?.stop());
  return {
    get redis() {
      return used.server;
    },
    get nats() {
      return nats;
    },
    get admin() {
      return used.admin;
    },
  };
}
