import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startRedis, type TestServer } from './servers.ts';

export interface UsedRedis {
  /** Both are available from `beforeAll` on. */
  readonly server: TestServer;
  readonly admin: Redis;
}

/** A Redis for the tests of a file. `isEmptied`: before each test, unless false. */
export function useRedis({ isEmptied = true } = {}): UsedRedis {
  let server: TestServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin?.disconnect();
    await server?.stop();
  });
  if (isEmptied) {
    beforeEach(async () => {
      await admin.flushall();
    });
  }
  return {
    get server() {
      return server;
    },
    get admin() {
      return admin;
    },
  };
}
