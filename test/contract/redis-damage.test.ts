import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { emptySeats } from '../../src/store/empty-seats.ts';
import type { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import { VenueLostError } from '../../src/store/seat-store.ts';
import { commitNext } from '../support/commit-next.ts';
import { decideOn } from '../support/decide-on.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { redisStore, type TestStoreOptions } from '../support/redis-store.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { useRedis } from '../support/use-redis.ts';
import { book, opened, release, select } from './contract-venue.ts';
import { asSold, sold, soldPlan, statusOf, tryToBuy } from './sold-venue.ts';

const venueKeys = ['seats', 'epoch', 'seq', 'events', 'holds', 'relayed', 'about', 'plan'].map(
  (name) => `venue:${name}`,
);
const redis = useRedis();

const newStore = (overrides: Partial<TestStoreOptions> = {}): RedisSeatStore =>
  redisStore({ url: redis.server.url, plan: soldPlan, ...overrides });

describe('[G1] [G12] [R261] Redis has lost a part of an open venue', () => {
  test.each([
    [['venue:seats', 'seat:A1:lock']],
    [['venue:seats']],
    [['venue:seats', 'venue:epoch', 'venue:seq']],
    [['venue:seats', 'venue:about', 'venue:relayed', 'venue:holds']],
    [['venue:events']],
    [['venue:seq']],
    [['venue:epoch']],
    [['venue:about']],
    [['seat:A1:lock', 'seat:B2:lock', 'venue:epoch']],
  ])('%s: the seats are restored, in a new epoch, and logged', async (keys) => {
    const { logger, lines } = recordedLog();
    const store = newStore({ logger });
    const before = await sold(store);
    await redis.admin.del(...keys);
    const venue = await store.open();
    expect(venue.epoch).not.toBe(before.epoch);
    if (!keys.includes('venue:about')) expect(venue.system).toBe(before.system);
    expect(statusOf(venue)).toEqual(asSold);
    for (const seatId of ['A1', 'B2']) {
      expect(await tryToBuy(store, seatId, 'mallory', venue)).toBe(false);
      expect(await redis.admin.pttl(`seat:${seatId}:lock`)).toBe(-1);
    }
    if (keys.some((key) => key !== 'venue:epoch' && !key.endsWith('lock'))) {
      expect(lines.filter(({ level }) => level >= 50)).toHaveLength(1);
    }
  });

  test('one seat: its buyer keeps it, its holder can book it', async () => {
    const store = newStore();
    const before = await sold(store);
    await redis.admin.hdel('venue:seats', 'A1', 'A2');
    await expect(decideOn(store, 'A1', [select('mallory')], before)).rejects.toBeInstanceOf(VenueLostError);
    const venue = await store.open();
    expect(statusOf(venue)).toEqual(asSold);
    const { answers } = await decideOn(store, 'A1', [book('alice')], venue);
    expect(answers[0]).toMatchObject({ seat: { status: 2, held_by: 'alice' } });
    expect((await decideOn(store, 'A2', [book('carol')], venue)).answers[0]?.refusal).toBeUndefined();
  });

  test.each([
    ['cut off', '{"id":"A1","row":0,"col":0,"status":2,"held_by":"ali'],
    ['no JSON', 'A1'],
    ['no object', '[]'],
    ['without its state', '{"id":"A1","row":0,"col":0}'],
    ['with a status of another type', '{"id":"A1","row":0,"col":0,"status":"booked","seq":2}'],
  ])('a seat that cannot be read (%s) counts as lost', async (_, json) => {
    const store = newStore();
    const before = await sold(store);
    await redis.admin.hset('venue:seats', 'A1', json);
    await expect(decideOn(store, 'A1', [select('mallory')], before)).rejects.toBeInstanceOf(VenueLostError);
    const venue = await store.open();
    expect(statusOf(venue)).toEqual(asSold);
    expect(await tryToBuy(store, 'A1', 'mallory', venue)).toBe(false);
    await redis.admin.hset('venue:seats', 'A1', json);
    expect(statusOf(await opened(newStore()))).toEqual(asSold);
  });

  test('seats and log: a lock proves a booking and a hold; a seat without a trace is withheld and reported to the operator', async () => {
    const { logger, lines } = recordedLog();
    const store = newStore({ logger });
    await sold(store);
    await redis.admin.del('venue:seats', 'venue:events', 'seat:B2:lock');
    const venue = await store.open();
    expect(statusOf(venue)).toEqual({ A1: '2alice', A2: '1carol', A3: '2', B1: '2', B2: '2', B3: '2' });
    expect(await tryToBuy(store, 'B2', 'mallory', venue)).toBe(false);
    // Nor for a user whose id looks like a missing one.
    for (const user of ['undefined', 'null', 'nil']) expect(await tryToBuy(store, 'B2', user, venue)).toBe(false);
    expect(lines.find(({ msg }) => msg.startsWith('Seats are not for sale'))).toMatchObject({ seats: 4, level: 50 });
  });

  test('a withheld seat is released for sale or given to its owner by the commands of docs/operations.md', async () => {
    const store = newStore();
    await sold(store);
    await redis.admin.del('venue:seats', 'venue:events');
    await store.open();
    await redis.admin.hset('venue:seats', 'B1', '{"id":"B1","row":1,"col":0,"status":0,"seq":0}');
    await redis.admin.set('seat:B3:lock', 'dave');
    await redis.admin.hdel('venue:seats', 'B3');
    await redis.admin.set('venue:epoch', '');
    const venue = await store.open();
    expect(statusOf(venue)).toEqual({ A1: '2alice', A2: '1carol', A3: '2', B1: '0', B2: '2bob', B3: '2dave' });
    expect(await tryToBuy(store, 'B1', 'erin', venue)).toBe(true);
  });

  test('a running process detects it within one read: a lost seat, log or seq ends the epoch', async () => {
    for (const key of ['venue:seats', 'venue:events', 'venue:seq', 'venue:epoch']) {
      const store = newStore();
      const venue = await sold(store);
      await redis.admin.del(key);
      await expect(store.eventsAfter({ ...venue, seq: 0 }, 10), key).rejects.toBeInstanceOf(VenueLostError);
      await redis.admin.flushall();
    }
  });

  test.each([
    ['its lock lost as well', true],
    ['its lock still there', false],
  ])(
    'a booked seat that was set back in the hash, %s: a process with newer knowledge detects it before it sells',
    async (_, isLockLost) => {
      const store = newStore();
      const known = await sold(store);
      await redis.admin.hset('venue:seats', 'A1', '{"id":"A1","row":0,"col":0,"status":0,"seq":0}');
      if (isLockLost) await redis.admin.del('seat:A1:lock');
      const asked = decideOn(store, 'A1', [select('mallory'), book('mallory')], { ...known, seatSeq: 2 });
      await expect(asked).rejects.toBeInstanceOf(VenueLostError);
      const venue = await store.open();
      expect(venue.epoch).not.toBe(known.epoch);
      expect(statusOf(venue)).toEqual(asSold);
    },
  );

  test.each([
    ['a seat that was set back', ['HSET', 'venue:seats', 'A1', '{"id":"A1","row":0,"col":0,"status":0,"seq":0}'], {}],
    ['a booked seat without its lock', ['DEL', 'seat:A1:lock'], {}],
    ['a booked seat whose lock ends', ['EXPIRE', 'seat:A1:lock', '100'], {}],
    ['a booked seat with the lock of another', ['SET', 'seat:A1:lock', 'mallory'], {}],
    ['an available seat with a lock without an end', ['SET', 'seat:B3:lock', 'zed'], { B3: '2zed' }],
    ['a deleted seat', ['HDEL', 'venue:seats', 'B3'], {}],
  ])('the audit finds %s, and all is restored', async (_name, [command = '', ...args], change) => {
    const store = newStore();
    const known = await sold(store);
    const seats = (await store.open()).seats;
    await store.audit(seats, known);
    await redis.admin.call(command, ...args);
    await expect(store.audit(seats, known)).rejects.toBeInstanceOf(VenueLostError);
    const venue = await store.open();
    expect(statusOf(venue)).toEqual({ ...asSold, ...change });
    await store.audit(venue.seats, venue);
    expect((await store.open()).epoch).toBe(venue.epoch);
  });

  test('a booked seat that was set back while no process ran is found when the venue is opened', async () => {
    const known = await sold(newStore());
    await redis.admin.hset('venue:seats', 'A1', '{"id":"A1","row":0,"col":0,"status":0,"seq":0}');
    await redis.admin.del('seat:A1:lock');
    const venue = await opened(newStore());
    expect(venue.epoch).not.toBe(known.epoch);
    expect(statusOf(venue)).toEqual(asSold);
  });

  test('the audit accepts a lock that expires by itself, and a hold whose lock has expired', async () => {
    const store = newStore();
    const known = await sold(store);
    const seats = (await store.open()).seats;
    await redis.admin.set('seat:B3:lock', 'zed', 'EX', 20);
    await redis.admin.del('seat:A2:lock');
    await store.audit(seats, known);
  });

  test('a hold keeps its end although its lock was lost with other parts', async () => {
    const store = newStore();
    await sold(store);
    await redis.admin.del('venue:seq', 'venue:events', 'seat:A2:lock');
    const venue = await store.open();
    expect(statusOf(venue)).toEqual(asSold);
    expect(await redis.admin.get('seat:A2:lock')).toBe('carol');
    expect(await redis.admin.call('PEXPIRETIME', 'seat:A2:lock')).toBe((venue.seats[1]?.expires_at as number) * 1000);
  });

  test('the holds of users are recounted', async () => {
    const store = newStore({ maxHoldsPerUser: 1 });
    const venue = await opened(store);
    await decideOn(store, 'A2', [select('carol')], venue);
    await redis.admin.del('venue:holds', 'venue:seq');
    const reopened = await store.open();
    expect((await decideOn(store, 'A3', [select('carol')], reopened)).answers[0]?.refusal).toBe('HOLD_LIMIT');
  });

  test('ten processes that open it concurrently agree', async () => {
    const stores = Array.from({ length: 10 }, () => newStore());
    await sold(stores[0] as RedisSeatStore);
    for (const store of stores) await opened(store);
    await redis.admin.del('venue:seats', 'venue:events');
    const venues = await Promise.all(stores.map((store) => store.open()));
    for (const venue of venues) expect(venue).toEqual({ ...venues[0], nowMs: expect.any(Number) });
  });
});

test('[R261] a process that joins while others sell ends no epoch, although its calls may read different moments', async () => {
  const seller = newStore();
  const { epoch } = await opened(seller);
  const proxy = await startTcpProxy(redis.server.port);
  onTestFinished(() => proxy.close());
  const joining = newStore({ url: `redis://127.0.0.1:${proxy.port}` });
  await opened(joining);
  proxy.delay(50); // in each direction: the seller sells between any two calls of the opening
  let [known, isOpening] = [await seller.open(), true];
  const opening = joining.open().finally(() => {
    isOpening = false;
  });
  while (isOpening) known = { ...known, ...(await commitNext(seller, known)) };
  expect(known.seq).toBeGreaterThan(2);
  expect((await opening).epoch).toBe(epoch);
  expect(await redis.admin.get('venue:epoch')).toBe(epoch);
});

/** The parts to delete, by name. */
const damage = fc.record({
  keys: fc.subarray(venueKeys),
  fields: fc.subarray([...soldPlan.ids]),
  locks: fc.subarray([...soldPlan.ids]),
});
const sales = fc.array(fc.tuple(fc.constantFrom(...soldPlan.ids), fc.constantFrom('alice', 'bob', 'carol')), {
  minLength: 1,
  maxLength: 8,
});

/** Sells, deletes, runs `restore`, and tries to sell everything again. Returns the seats that were sold twice. */
async function soldTwice(
  store: RedisSeatStore,
  bought: [string, string][],
  { keys, fields, locks }: { keys: string[]; fields: string[]; locks: string[] },
  restore: () => Promise<unknown>,
): Promise<string[]> {
  await redis.admin.flushall();
  const venue = await opened(store);
  const owners = new Map<string, string>();
  for (const [seatId, user] of bought) if (await tryToBuy(store, seatId, user, venue)) owners.set(seatId, user);
  if (keys.length > 0) await redis.admin.del(...keys);
  if (fields.length > 0) await redis.admin.hdel('venue:seats', ...fields);
  for (const seatId of locks) await redis.admin.del(`seat:${seatId}:lock`);
  // Without any trace, the venue counts as new.
  if ((await redis.admin.dbsize()) === 0) return [];
  await restore();
  const twice: string[] = [];
  for (const seatId of owners.keys()) if (await tryToBuy(store, seatId, 'mallory', venue)) twice.push(seatId);
  return twice;
}

test('[G1] [G12] [R261] whichever part is lost, no booked seat is sold again', { timeout: 120_000 }, async () => {
  const store = newStore();
  await fc.assert(
    fc.asyncProperty(sales, damage, async (bought, lost) => {
      expect(await soldTwice(store, bought, lost, async () => {})).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('[G1] the control: a store that creates missing seats as available sells them again', async () => {
  const refill = async () => {
    for (const seat of emptySeats(soldPlan)) await redis.admin.hsetnx('venue:seats', seat.id, JSON.stringify(seat));
  };
  const lost = { keys: ['venue:seats'], fields: [], locks: ['A1'] };
  expect(await soldTwice(newStore(), [['A1', 'alice']], lost, refill)).toEqual(['A1']);
});

describe('[R263] Redis at its memory limit', () => {
  test('new holds are refused; expire, book and release work; later everything works', async () => {
    const store = newStore({ holdTtlMs: 600 });
    const venue = await opened(store);
    const stays = newStore({ holdTtlMs: 60_000 });
    await opened(stays);
    await decideOn(store, 'B3', [select('erin')], venue);
    await decideOn(stays, 'A1', [select('alice')], venue);
    await decideOn(stays, 'A2', [select('bob')], venue);
    await redis.admin.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await redis.admin.config('SET', 'maxmemory', '0')));

    await expect(store.checkWritable()).rejects.toThrow(/maxmemory/);
    const [free, mixed, released] = await Promise.all([
      decideOn(stays, 'B1', [select('carol')], venue),
      decideOn(stays, 'A1', [select('carol'), book('alice')], venue),
      decideOn(stays, 'A2', [release('bob')], venue),
    ]);
    expect(free.answers[0]).toMatchObject({ refusal: 'STORE_UNAVAILABLE', seat: { status: 0 } });
    expect(mixed.answers.map(({ refusal }) => refusal)).toEqual(['SEAT_HELD', undefined]);
    expect(released.events).toMatchObject([{ type: 'released' }]);
    await expect
      .poll(async () => (await decideOn(store, 'B3', [{ action: 'expire' }], venue)).events)
      .toMatchObject([{ type: 'released', reason: 'expired' }]);
    await stays.markRelayed({ epoch: venue.epoch, seq: 2 });
    expect(await stays.relayedPosition()).toMatchObject({ seq: 2 });

    await redis.admin.config('SET', 'maxmemory', '0');
    await store.checkWritable();
    expect((await decideOn(stays, 'B1', [select('carol')], venue)).events).toMatchObject([{ type: 'held' }]);
  });

  test('a retry of a refused select is decided again, not answered from the stored answer', async () => {
    const store = newStore();
    const venue = await opened(store);
    await redis.admin.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await redis.admin.config('SET', 'maxmemory', '0')));
    const command = { action: 'select' as const, userId: 'alice', request: { key: 'k', isRepeat: true } };
    expect((await decideOn(store, 'A1', [command], venue)).answers[0]?.refusal).toBe('STORE_UNAVAILABLE');
    await redis.admin.config('SET', 'maxmemory', '0');
    expect((await decideOn(store, 'A1', [command], venue)).answers[0]?.refusal).toBeUndefined();
  });

  test('a venue can be opened: after a restart its bookings can be read and its holds booked', async () => {
    const venue = await sold(newStore());
    await redis.admin.del('venue:epoch');
    await redis.admin.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await redis.admin.config('SET', 'maxmemory', '0')));
    const reopened = await opened(newStore());
    expect(reopened.epoch).not.toBe(venue.epoch);
    expect(statusOf(reopened)).toEqual(asSold);
  });
});

test('[R264] the log is bounded even if nothing is relayed', async () => {
  const store = newStore({ maxEvents: 200 });
  const venue = await opened(store);
  for (let i = 0; i < 300; i++) await decideOn(store, 'A1', [select('alice'), release('alice')], venue);
  expect(await redis.admin.xlen('venue:events')).toBeLessThan(400);
  expect((await store.open()).epoch).toBe(venue.epoch);
});
