import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { redisStore } from '../support/redis-store.ts';
import type { StorePlace } from './contract-venue.ts';

/** All stores of a place are the same object, because memory cannot be shared otherwise. */
export function memoryPlace(): StorePlace {
  let nowMs = 1_700_000_000_000;
  let store: MemorySeatStore | undefined;
  return {
    store(settings) {
      store ??= new MemorySeatStore({ ...settings, plan: gridPlan(settings), nowMs: () => nowMs });
      return store;
    },
    async pass(ms) {
      nowMs += ms;
    },
  };
}

/** A separate key prefix on a shared Redis. `admin` moves every expiry forward. */
export function redisPlace(url: string, admin: Redis, keyPrefix = `{${randomUUID()}}:`): StorePlace {
  return {
    store: (settings) => redisStore({ url, keyPrefix, ...settings }),
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
  };
}
