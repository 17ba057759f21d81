import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import {
  maxCommandsPerCall,
  maxSeatsPerCall,
  StoreTimeoutError,
  StoreUnavailableError,
  VenueLostError,
} from '../../src/store/seat-store.ts';
import { decideOn, on } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { connectedStore, redisStore, type TestStoreOptions } from '../support/redis-store.ts';
import { freePort, startRedis } from '../support/servers.ts';
import { useRedis } from '../support/use-redis.ts';
import { book, opened, release, select } from './contract-venue.ts';
import { seatStoreContract } from './seat-store.contract.ts';
import { redisPlace } from './store-places.ts';

const redis = useRedis({ isEmptied: false });

describe('RedisSeatStore', () => {
  seatStoreContract(() => redisPlace(redis.server.url, redis.admin));
});

const storeAt = (url: string, overrides: Partial<TestStoreOptions> = {}): RedisSeatStore =>
  redisStore({ url, ...overrides });

describe('the data in Redis', () => {
  beforeEach(async () => {
    await redis.admin.flushall();
  });

  test('[R40] the keys have the names of the plan', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    expect((await redis.admin.keys('*')).sort()).toEqual([
      'venue:about',
      'venue:epoch',
      'venue:plan',
      'venue:relayed',
      'venue:seats',
      'venue:seq',
    ]);
    await decideOn(store, 'A1', [select('user123')], known);
    expect((await redis.admin.keys('*')).sort()).toEqual(
      [
        'seat:A1:lock',
        'venue:about',
        'venue:epoch',
        'venue:events',
        'venue:holds',
        'venue:plan',
        'venue:relayed',
        'venue:seats',
        'venue:seq',
      ].sort(),
    );
    expect(await redis.admin.type('venue:seats')).toBe('hash');
    expect(await redis.admin.type('venue:events')).toBe('stream');
    expect(await redis.admin.get('venue:epoch')).toBe(known.epoch);
    expect(await redis.admin.get('venue:seq')).toBe('1');
    expect(await redis.admin.hlen('venue:seats')).toBe(6);
  });

  test('[R40] HGET venue:seats A1 is the seat as JSON', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    expect(JSON.parse((await redis.admin.hget('venue:seats', 'A1')) as string)).toEqual(known.seats[0]);
    const { answers } = await decideOn(store, 'A1', [select('user123')], known);
    expect(JSON.parse((await redis.admin.hget('venue:seats', 'A1')) as string)).toEqual(answers[0]?.seat);
  });

  test('[R41] GET seat:A1:lock is the holder; TTL counts the hold, is -1 once booked, and -2 after a release', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    const { answers } = await decideOn(store, 'A1', [select('user123')], known);
    expect(await redis.admin.get('seat:A1:lock')).toBe('user123');
    const ttlSeconds = await redis.admin.ttl('seat:A1:lock');
    expect(ttlSeconds).toBeGreaterThan(20);
    expect(ttlSeconds).toBeLessThanOrEqual(30);
    expect(await redis.admin.call('PEXPIRETIME', 'seat:A1:lock')).toBe((answers[0]?.seat.expires_at as number) * 1000);
    await decideOn(store, 'A1', [book('user123')], known);
    expect(await redis.admin.ttl('seat:A1:lock')).toBe(-1);
    expect(await redis.admin.get('seat:A1:lock')).toBe('user123');
    await decideOn(store, 'A2', [select('user123'), release('user123')], known);
    expect(await redis.admin.ttl('seat:A2:lock')).toBe(-2);
  });

  test('[R41] a lock that an operator sets by hand blocks the seat', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await redis.admin.set('seat:A1:lock', 'user123');
    const { answers, events } = await decideOn(store, 'A1', [select('bob'), book('user123')], known);
    expect(answers.map(({ refusal }) => refusal)).toEqual(['SEAT_HELD', 'NOT_HOLDER']);
    expect(events).toEqual([]);
  });

  test('[R41] a lock that an operator deletes by hand ends the hold', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice')], known);
    await redis.admin.del('seat:A1:lock');
    const { answers, events } = await decideOn(store, 'A1', [book('alice')], known);
    expect(answers[0]).toMatchObject({ refusal: 'NOT_HOLDER', seat: { status: 0 } });
    expect(events).toMatchObject([{ type: 'released', reason: 'expired' }]);
  });

  test('[R41] [G3] a hold ends by the clock of Redis, neither early nor late', async () => {
    const store = storeAt(redis.server.url, { holdTtlMs: 400 });
    const known = await opened(store);
    const { answers } = await decideOn(store, 'A1', [select('alice')], known);
    const expiresAtMs = (answers[0]?.seat.expires_at as number) * 1000;
    for (;;) {
      const { nowMs, events } = await decideOn(store, 'A1', [{ action: 'expire' }], known);
      if (events.length === 0) continue;
      expect(nowMs).toBeGreaterThanOrEqual(expiresAtMs);
      expect(events).toMatchObject([{ type: 'released', user_id: 'alice', reason: 'expired', seq: 2 }]);
      break;
    }
  });

  test('[R383] a transition keeps the planned part of a seat unchanged, whatever its fields', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    const planned = '{"id":"A1","row":0,"col":0,"section":"Stalls, left","x":1.50,"flags":["accessible"]';
    await redis.admin.hset('venue:seats', 'A1', `${planned},"status":0,"seq":0}`);
    const { answers } = await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    expect(answers.map(({ seat }) => seat)).toEqual([
      { id: 'A1', row: 0, col: 0, status: 1, held_by: 'alice', expires_at: expect.any(Number), seq: 1 },
      { id: 'A1', row: 0, col: 0, status: 2, held_by: 'alice', seq: 2 },
    ]);
    expect(await redis.admin.hget('venue:seats', 'A1')).toBe(`${planned},"status":2,"held_by":"alice","seq":2}`);
  });

  test('[R384] [R35] a hold counts for every form of seat id', async () => {
    const store = storeAt(redis.server.url, { maxHoldsPerUser: 2 });
    const known = await opened(store);
    const endMs = Date.now() + 60_000;
    await redis.admin.hset('venue:holds', 'alice', `stalls-A1=${endMs} b7=${endMs}`);
    const { answers } = await decideOn(store, 'A1', [select('alice')], known);
    expect(answers[0]?.refusal).toBe('HOLD_LIMIT');
  });

  test('[R42] the id of a transition in the stream is its seq', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await decideOn(store, 'B3', [select('alice'), book('alice')], known);
    const entries = await redis.admin.xrange('venue:events', '-', '+');
    expect(entries.map(([id]) => id)).toEqual(['1-0', '2-0']);
  });

  test('[R43] every key has the prefix', async () => {
    const store = storeAt(redis.server.url, { keyPrefix: '{main}:' });
    const known = await opened(store);
    const request = { key: 'k', isRepeat: false };
    await decideOn(store, 'A1', [{ action: 'select', userId: 'alice', request }], known);
    await store.markRelayed({ epoch: known.epoch, seq: 1 });
    const keys = await redis.admin.keys('*');
    expect(keys).toHaveLength(10);
    for (const key of keys) expect(key).toMatch(/^\{main\}:(venue|seat):/);
  });

  test('[R43] venues with different prefixes are independent', async () => {
    const one = storeAt(redis.server.url, { keyPrefix: '{one}:' });
    const two = storeAt(redis.server.url, { keyPrefix: '{two}:' });
    const [ofOne, ofTwo] = [await opened(one), await opened(two)];
    expect(ofOne.epoch).not.toBe(ofTwo.epoch);
    await decideOn(one, 'A1', [select('alice'), book('alice')], ofOne);
    expect((await decideOn(two, 'A1', [select('bob')], ofTwo)).answers[0]?.refusal).toBeUndefined();
  });

  test('[R10] [R261] a deleted seat is created again in a new epoch, and the others are unchanged', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    await redis.admin.hdel('venue:seats', 'B3');
    const venue = await store.open();
    expect(venue.epoch).not.toBe(known.epoch);
    expect(venue.seats).toHaveLength(6);
    expect(venue.seats[0]).toMatchObject({ status: 2, held_by: 'alice' });
  });

  test('[R10] a venue with more seats than one call creates', async () => {
    const venue = await opened(storeAt(redis.server.url, { rows: 120, cols: 100, keyPrefix: '{large}:' }));
    expect(venue.seats).toHaveLength(12_000);
    expect(new Set(venue.seats.map(({ id }) => id)).size).toBe(12_000);
  });

  test('[R600] a process that ends while it creates a large show leaves no seat withheld', async () => {
    const large = { rows: 60, cols: 100 };
    const { servers, store } = connectedStore({ url: redis.server.url, ...large });
    onTestFinished(() => servers.close());
    const connection = servers.of('');
    await vi.waitFor(() => store.checkWritable(), patience);
    const write = connection.redis.writeVenue.bind(connection.redis);
    const writing = vi.spyOn(connection.redis, 'writeVenue').mockImplementationOnce(async (...args) => {
      await write(...args);
      connection.close(); // after the first of two calls
      return 1;
    });
    await expect(store.open()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(writing).toHaveBeenCalled();
    expect(await redis.admin.hlen('venue:seats')).toBe(5_000);
    const venue = await opened(storeAt(redis.server.url, large));
    expect(venue.seats).toHaveLength(6_000);
    expect(venue.seats.every(({ status }) => status === 0)).toBe(true);
    expect(Object.keys(await redis.admin.hgetall('venue:about')).sort()).toEqual([
      'plan',
      'plan_read_at_ms',
      'system',
      'venue',
    ]);
  });

  test('[R30] without the counter, seq continues after the seats and the log', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    await redis.admin.del('venue:seq', 'venue:epoch');
    const venue = await store.open();
    expect(venue.seq).toBe(2);
    const { events } = await decideOn(store, 'A2', [select('bob')], venue);
    expect(events).toMatchObject([{ seq: 3, epoch: venue.epoch }]);
  });

  test('[R34] after FLUSHALL the venue is lost until it is opened again', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    await redis.admin.flushall();
    await expect(decideOn(store, 'A1', [select('bob')], known)).rejects.toBeInstanceOf(VenueLostError);
    await expect(store.eventsAfter(known, 10)).rejects.toBeInstanceOf(VenueLostError);
    expect(await store.relayedPosition()).toBeUndefined();
    const venue = await store.open();
    expect(venue.epoch).not.toBe(known.epoch);
    expect(venue.seats.every(({ status }) => status === 0)).toBe(true);
    expect((await decideOn(store, 'A1', [select('bob')], venue)).answers[0]?.refusal).toBeUndefined();
  });

  test('[R37] if one seat of a call is missing, nothing is decided', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await redis.admin.hdel('venue:seats', 'A2');
    const commands = ['A1', 'A2', 'A3'].map((seatId) => on(seatId, select('alice')));
    await expect(store.decide(commands, known)).rejects.toBeInstanceOf(VenueLostError);
    expect((await store.open()).seq).toBe(0);
  });

  test('[R37] a call with an ended epoch does not affect concurrent calls', async () => {
    const store = storeAt(redis.server.url);
    const ended = await opened(store);
    await redis.admin.flushall();
    const known = await store.open();
    const asked = [ended, known, ended].map((position, i) => decideOn(store, `A${i + 1}`, [select('alice')], position));
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
    ]);
  });

  test('[R264] one call decides up to the maximum number of commands and seats, and no more', async () => {
    const store = storeAt(redis.server.url, { rows: 10, cols: 100 });
    const { seats, ...known } = await opened(store);
    const commands = seats.map(({ id }, i) => on(id, select(`user${i}`)));
    await expect(store.decide(commands, known)).rejects.toThrow('a call must be bounded');
    const { events } = await store.decide(commands.slice(0, maxSeatsPerCall), known);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: maxSeatsPerCall }, (_, i) => i + 1));
    const onOneSeat = Array.from({ length: maxCommandsPerCall + 1 }, () => on('J100', select('carol')));
    await expect(store.decide(onOneSeat, known)).rejects.toThrow('a call must be bounded');
    expect((await store.decide(onOneSeat.slice(1), known)).answers).toHaveLength(maxCommandsPerCall);
  });

  test('[R44] scripts are sent again after SCRIPT FLUSH', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await redis.admin.call('SCRIPT', 'FLUSH');
    expect((await decideOn(store, 'A1', [select('alice')], known)).events).toHaveLength(1);
  });

  test('[R36] the answer to a command with a key is kept for 15 s', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    const request = { key: 'k1', isRepeat: false };
    await decideOn(store, 'A1', [{ action: 'select', userId: 'alice', request }], known);
    const ttlMs = await redis.admin.pttl('seat:A1:answer:k1:select:alice');
    expect(ttlMs).toBeGreaterThan(10_000);
    expect(ttlMs).toBeLessThanOrEqual(15_000);
  });

  test('[R35] venue:holds lists the seats of each holder, and drops users without holds', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    const { answers } = await decideOn(store, 'A1', [select('alice')], known);
    const endMs = (answers[0]?.seat.expires_at as number) * 1000;
    expect(await redis.admin.hgetall('venue:holds')).toEqual({ alice: `A1=${endMs}` });
    await decideOn(store, 'A2', [select('bob'), book('bob')], known);
    await decideOn(store, 'A1', [release('alice')], known);
    expect(await redis.admin.exists('venue:holds')).toBe(0);
  });

  test('[R42] [G1] if the log cannot be written, nothing is decided: the seat is unchanged', async () => {
    const store = storeAt(redis.server.url);
    const known = await opened(store);
    await redis.admin.xadd('venue:events', '999-0', 'type', 'from the future');
    await expect(decideOn(store, 'A1', [select('alice')], known)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(JSON.parse((await redis.admin.hget('venue:seats', 'A1')) as string)).toMatchObject({ status: 0, seq: 0 });
    expect(await redis.admin.get('venue:seq')).toBe('0');
  });
});

describe('Redis is unavailable', () => {
  test('[R45] no server listens: unavailable, without hanging', async () => {
    const store = storeAt(`redis://127.0.0.1:${await freePort()}`);
    for (let i = 0; i < 3; i++) {
      await expect(store.open()).rejects.toBeInstanceOf(StoreUnavailableError);
      await expect(decideOn(store, 'A1', [select('a')], { epoch: 'e', seq: 0 })).rejects.toBeInstanceOf(
        StoreUnavailableError,
      );
      await expect(store.eventsAfter({ epoch: 'e', seq: 0 }, 1)).rejects.toBeInstanceOf(StoreUnavailableError);
      await expect(store.relayedPosition()).rejects.toBeInstanceOf(StoreUnavailableError);
      await expect(store.markRelayed({ epoch: 'e', seq: 0 })).rejects.toBeInstanceOf(StoreUnavailableError);
    }
  }, 10_000);

  test('[R45] the server starts later: the store connects', async () => {
    const port = await freePort();
    const store = storeAt(`redis://127.0.0.1:${port}`);
    await expect(store.open()).rejects.toBeInstanceOf(StoreUnavailableError);
    const late = await startRedis({ port });
    onTestFinished(() => late.stop());
    expect((await vi.waitFor(() => store.open(), patience)).seats).toHaveLength(6);
  });

  test('[R45] [R11] [G2] killed and restarted: unavailable, then available with everything that was confirmed, in a new epoch', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const store = storeAt(own.url);
    const known = await opened(store);
    await decideOn(store, 'A1', [select('alice'), book('alice')], known);
    await own.kill('SIGKILL');
    await expect(decideOn(store, 'A2', [select('bob')], known)).rejects.toBeInstanceOf(StoreUnavailableError);
    await own.restart();
    const lost = () => expect(decideOn(store, 'A1', [book('alice')], known)).rejects.toBeInstanceOf(VenueLostError);
    await vi.waitFor(lost, patience);
    await expect(store.eventsAfter(known, 10)).rejects.toBeInstanceOf(VenueLostError);
    const reopened = await store.open();
    expect(reopened.epoch).not.toBe(known.epoch);
    const { answers } = await decideOn(store, 'A1', [book('alice')], reopened);
    expect(answers[0]).toMatchObject({ seat: { status: 2, held_by: 'alice', seq: 2 } });
  });

  test('[R46] stopped (SIGSTOP): every call times out; after SIGCONT it works, and nothing is decided twice', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const store = storeAt(own.url, { callTimeoutMs: 500 });
    const known = await opened(store);
    await own.kill('SIGSTOP');
    try {
      await expect(decideOn(store, 'A1', [select('alice')], known)).rejects.toBeInstanceOf(StoreTimeoutError);
      await expect(store.eventsAfter(known, 10)).rejects.toBeInstanceOf(StoreTimeoutError);
      await expect(store.open()).rejects.toBeInstanceOf(StoreTimeoutError);
    } finally {
      await own.kill('SIGCONT');
    }
    const { answers } = await vi.waitFor(() => decideOn(store, 'A1', [select('alice')], known), patience);
    expect(answers[0]).toMatchObject({ seat: { status: 1, held_by: 'alice', seq: 1 } });
    expect((await store.eventsAfter(known, 10)).events).toHaveLength(1);
  });

  test('[R46] a store that is created while Redis is stopped does not hang, and works after SIGCONT', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    await own.kill('SIGSTOP');
    const store = storeAt(own.url, { callTimeoutMs: 500 });
    try {
      await expect(store.open()).rejects.toThrow();
      await expect(store.eventsAfter({ epoch: 'e', seq: 0 }, 1)).rejects.toThrow();
    } finally {
      await own.kill('SIGCONT');
    }
    expect((await vi.waitFor(() => store.open(), patience)).seats).toHaveLength(6);
  });

  test('[R45] another program listens there: unavailable, with the reason', async () => {
    const store = storeAt(redis.server.url.replace('redis://', 'redis://nobody:wrong@'));
    await expect(store.open()).rejects.toThrow(/Redis is unavailable/);
  });
});
