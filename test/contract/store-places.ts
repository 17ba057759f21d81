import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import type { StorePlace } from './seat-store.contract.ts';

export const silent = pino({ level: 'silent' });

/** All stores of a place are one: there is nothing else that its memory could be shared by. */
export function memoryPlace(): StorePlace {
  let nowMs = 1_700_000_000_000;
  let store: MemorySeatStore | undefined;
  return {
    store(settings) {
      store ??= new MemorySeatStore({ ...settings, nowMs: () => nowMs });
      return store;
    },
    async pass(ms) {
      nowMs += ms;
    },
    async dispose() {
      await store?.close();
    },
  };
}

/** A key prefix of its own on a Redis that many share. `admin` moves the time of the locks. */
export function redisPlace(url: string, admin: Redis, keyPrefix = `{${randomUUID()}}:`): StorePlace {
  const stores: RedisSeatStore[] = [];
  return {
    store(settings) {
      const store = new RedisSeatStore({ url, keyPrefix, logger: silent, ...settings });
      stores.push(store);
      return store;
    },
    async pass(ms) {
      for (const seatId of await admin.hkeys(`${keyPrefix}venue:seats`)) {
        const lockKey = `${keyPrefix}seat:${seatId}:lock`;
        const remainingMs = await admin.pttl(lockKey);
        // -1: for ever (booked), -2: no lock
        if (remainingMs > ms) await admin.pexpire(lockKey, remainingMs - ms);
        else if (remainingMs >= 0) await admin.del(lockKey);
      }
    },
    async dispose() {
      for (const store of stores) await store.close();
    },
  };
}
