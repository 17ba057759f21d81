import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import type { StorePlace } from './contract-venue.ts';

export const silent = pino({ level: 'silent' });

/** All stores of a place are the same object, because memory cannot be shared otherwise. */
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

/** A separate key prefix on a shared Redis. `admin` moves every expiry forward. */
export function redisPlace(url: string, admin: Redis, keyPrefix = `{${randomUUID()}}:`): StorePlace {
  const stores: RedisSeatStore[] = [];
  return {
    store(settings) {
      const store = new RedisSeatStore({ url, keyPrefix, logger: silent, ...settings });
      stores.push(store);
      return store;
    },
    async pass(ms) {
      const seatIds = await admin.hkeys(`${keyPrefix}venue:seats`);
      const answerKeys = await admin.keys(`${keyPrefix}seat:*:answer:*`);
      const seatKeys = seatIds.flatMap((seatId) =>
        ['lock', 'cooldown'].map((key) => `${keyPrefix}seat:${seatId}:${key}`),
      );
      for (const key of [...seatKeys, ...answerKeys]) {
        const remainingMs = await admin.pttl(key);
        // -1: without expiry (booked), -2: no lock
        if (remainingMs > ms) await admin.pexpire(key, remainingMs - ms);
        else if (remainingMs >= 0) await admin.del(key);
      }
      const holds = await admin.hgetall(`${keyPrefix}venue:holds`);
      for (const [userId, ends] of Object.entries(holds)) {
        const earlier = ends.replace(/=(\d+)/g, (_, endMs) => `=${Number(endMs) - ms}`);
        await admin.hset(`${keyPrefix}venue:holds`, userId, earlier);
      }
    },
    async dispose() {
      for (const store of stores) await store.close();
    },
  };
}
