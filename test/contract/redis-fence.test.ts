import { expect, test, vi } from 'vitest';
import { type ProvenBooking, ShowRefusedError, VenueLostError } from '../../src/store/seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { redisStore } from '../support/redis-store.ts';
import { useRedis } from '../support/use-redis.ts';
import { book, opened, select } from './contract-venue.ts';
import { ticket } from './fence.contract.ts';
import { asSold, sold, soldPlan, statusOf, tryToBuy } from './sold-venue.ts';

const redis = useRedis();
const storeWith = (provenBookings?: () => Promise<readonly ProvenBooking[]>, logger = recordedLog().logger) =>
  redisStore({ url: redis.server.url, plan: soldPlan, logger, ...(provenBookings && { provenBookings }) });
const proven = [ticket('A1', 'alice'), ticket('B2', 'bob')];

test('[R890] [G12] Redis has lost everything: seats that are sold in the ledger are booked in the new epoch, and logged', async () => {
  const { logger, lines } = recordedLog();
  const store = storeWith(async () => proven, logger);
  const before = await sold(store);
  await redis.admin.flushall();
  const venue = await store.open();
  expect(statusOf(venue)).toEqual({ ...asSold, A2: '0' });
  for (const [seatId, userId] of [
    ['A1', 'alice'],
    ['B2', 'bob'],
  ] as const) {
    expect(await tryToBuy(store, seatId, 'mallory', before)).toBe(false);
    expect(await redis.admin.get(`seat:${seatId}:lock`)).toBe(userId);
    expect(await redis.admin.pttl(`seat:${seatId}:lock`)).toBe(-1);
  }
  expect(lines.find(({ msg }) => msg.includes('restored from the ledger'))).toMatchObject({
    level: 50,
    seats: 2,
    first: ['A1', 'B2'],
  });
  expect(await redis.admin.exists('venue:openings')).toBe(0);
});

test('[R890] the control: without the ledger, the seats of tickets are sold again', async () => {
  const store = storeWith();
  const before = await sold(store);
  await redis.admin.flushall();
  await store.open();
  expect(await tryToBuy(store, 'A1', 'mallory', before)).toBe(true);
});

/** Redis has lost everything since, and an opening has ended after it wrote these locks. */
async function openedWithLocks(locks: readonly ProvenBooking[]) {
  const store = storeWith(async () => proven);
  await sold(store);
  await redis.admin.flushall();
  for (const { seatId, userId } of locks) await redis.admin.set(`seat:${seatId}:lock`, userId);
  return statusOf(await store.open());
}

test('[R1024] an interrupted opening that has written the locks of proven bookings withholds no seat from the next one', async () => {
  expect(await openedWithLocks(proven)).toEqual({ ...asSold, A2: '0' });
});

test('[R1024] the control: after a lock that nothing proves, seats without a trace are withheld', async () => {
  expect(await openedWithLocks([...proven, ticket('A2', 'carol')])).toMatchObject({
    A1: '2alice',
    A2: '2carol',
    A3: '2',
  });
});

test('[R892] [G12] an opening that read the ledger before another process opened, sold and lost the show opens nothing', async () => {
  const tickets: ProvenBooking[] = [];
  let reply = () => {};
  const slow = storeWith(async () => {
    const then = [...tickets];
    await new Promise<void>((resolve) => {
      reply = resolve;
    });
    return then;
  });
  const fast = storeWith(async () => tickets);
  const first = await opened(fast);
  await redis.admin.set('venue:epoch', '');
  const isAsked = new Promise<void>((resolve) => {
    const poll = setInterval(async () => {
      if ((await redis.admin.hlen('venue:openings')) === 0) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });
  const opening = slow.open();
  await isAsked;
  const second = await fast.open();
  expect(second.epoch).not.toBe(first.epoch);
  await decideOn(fast, 'A1', [select('alice'), book('alice')], second);
  tickets.push(ticket('A1', 'alice'));
  await redis.admin.flushall(); // also the openings under way
  await redis.admin.set('venue:epoch', '');
  const late = reply;
  late();
  // It begins again, and reads the ledger again.
  while (reply === late) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await redis.admin.get('venue:epoch')).toBe('');
  expect(await redis.admin.exists('seat:A1:lock')).toBe(0);
  reply();
  expect(statusOf(await opening).A1).toBe('2alice');
  await expect(decideOn(fast, 'A1', [select('mallory')], second)).rejects.toThrow(VenueLostError);
});

test('[R890] a plan without a seat that is sold in the ledger is refused', async () => {
  const store = storeWith(async () => [ticket('Z9', 'alice')]);
  await vi.waitFor(() => expect(store.open()).rejects.toThrow(ShowRefusedError), patience);
  await expect(store.open()).rejects.toThrow(/Z9/);
});
