import { beforeEach, describe, expect, test } from 'vitest';
import { HoldAllowance } from '../../src/booking/hold-allowance.ts';
import { RefusedError } from '../../src/http/refused-error.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { type Answer, StoreTimeoutError } from '../../src/store/seat-store.ts';
import { VenueView } from '../../src/venue/venue-view.ts';

const maxHolds = 3;
const holdTtlMs = 600_000;
const address = '203.0.113.7';

let nowMs: number;
let store: MemorySeatStore;
let view: VenueView;
let allowance: HoldAllowance;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  store = new MemorySeatStore({
    plan: gridPlan({ rows: 10, cols: 10 }),
    holdTtlMs,
    maxHoldsPerUser: 100,
    nowMs: () => nowMs,
  });
  view = new VenueView();
  const opened = await store.open();
  view.reset(opened);
  allowance = new HoldAllowance(maxHolds, { view, storeClock: { nowMs: () => nowMs } as never });
});

/** Decides a command like a booking process; with `isSeen` its view follows immediately. */
async function command(
  action: 'select' | 'book' | 'release',
  seatId: string,
  userId: string,
  isSeen = true,
): Promise<Answer> {
  const { answers, events } = await store.decide([{ action, seatIds: [seatId], userId }], view.position);
  if (isSeen) for (const event of events) view.apply(event);
  return answers[0] as Answer;
}

const select = (seatId: string, userId = 'ann', from: string | undefined = address) =>
  allowance.spend({ address: from, seatIds: [seatId], userId }, () => command('select', seatId, userId));

const isRefused = (attempt: Promise<unknown>): Promise<number | undefined> =>
  attempt.then(
    () => undefined,
    (error: RefusedError) => {
      expect(error).toBeInstanceOf(RefusedError);
      expect(error.detail.code).toBe('RATE_LIMITED');
      return error.retryAfterMs;
    },
  );

describe('[R313] [R240] the current holds of an address are limited, and nothing else counts', () => {
  test('a hold beyond the maximum is refused until the first one ends; other addresses are not affected', async () => {
    for (const seatId of ['A1', 'A2', 'A3']) {
      expect((await select(seatId)).refusal).toBeUndefined();
      nowMs += 1_000;
    }
    expect(await isRefused(select('A4', 'bob'))).toBe(holdTtlMs - 3_000);
    await expect(select('A4', 'bob')).rejects.toThrow(
      /3 seats are held from your network address.*HOLDS_PER_ADDRESS.* 597 s/,
    );
    expect((await select('A4', 'bob', '203.0.113.8')).refusal).toBeUndefined();
  });

  test('a release makes room immediately', async () => {
    for (let i = 0; i < 10 * maxHolds; i++) {
      await select('A1');
      await command('release', 'A1', 'ann');
    }
    for (const seatId of ['A1', 'A2', 'A3']) await select(seatId);
    expect(await isRefused(select('A4'))).toBeDefined();
    await command('release', 'A2', 'ann');
    expect((await select('A4')).refusal).toBeUndefined();
  });

  test('a booking makes room', async () => {
    for (const seatId of ['A1', 'A2', 'A3']) await select(seatId);
    await command('book', 'A1', 'ann');
    expect((await select('A4')).refusal).toBeUndefined();
    expect(await isRefused(select('A5'))).toBeDefined();
  });

  test('an expired hold makes room when the venue releases it', async () => {
    for (const seatId of ['A1', 'A2', 'A3']) await select(seatId);
    nowMs += holdTtlMs - 1;
    expect(await isRefused(select('A4'))).toBe(1);
    nowMs += 2;
    for (const event of (await store.decide([{ action: 'expire', seatIds: ['A1'] }], view.position)).events)
      view.apply(event);
    expect((await select('A4')).refusal).toBeUndefined();
    expect(await isRefused(select('A5'))).toBeDefined();
  });

  test('repeating a hold costs nothing and works at the maximum', async () => {
    for (let i = 0; i < 30; i++) await select('A1');
    for (const seatId of ['A2', 'A3']) expect((await select(seatId)).refusal).toBeUndefined();
    expect((await select('A1')).refusal).toBeUndefined();
    expect(await isRefused(select('A4'))).toBeDefined();
  });

  test('a refused command costs nothing', async () => {
    for (let i = 1; i <= 10; i++) await command('select', `B${i}`, 'zoe');
    for (let i = 1; i <= 10; i++) expect((await select(`B${i}`)).refusal).toBe('SEAT_HELD');
    for (const seatId of ['A1', 'A2', 'A3']) expect((await select(seatId)).refusal).toBeUndefined();
  });

  test('a failed command costs nothing, unless it was decided after all', async () => {
    const failing = (seatId: string, decide: () => Promise<unknown> = async () => {}) =>
      allowance.spend({ address, seatIds: [seatId], userId: 'ann' }, async () => {
        await decide();
        throw new StoreTimeoutError('no reply');
      });
    for (let i = 1; i <= 10; i++) await expect(failing(`B${i}`)).rejects.toThrow('no reply');
    await expect(failing('A1', () => command('select', 'A1', 'ann'))).rejects.toThrow('no reply');
    for (const seatId of ['A2', 'A3']) expect((await select(seatId)).refusal).toBeUndefined();
    expect(await isRefused(select('A4'))).toBeDefined();
  });

  test('concurrent commands cannot bypass the limit, and one seat counts once', async () => {
    const attempts = Array.from({ length: 10 }, (_, i) => isRefused(select(`A${i + 1}`, `user${i}`)));
    expect((await Promise.all(attempts)).filter((wait) => wait === undefined)).toHaveLength(maxHolds);
    const rush = Array.from({ length: 50 }, (_, i) => isRefused(select('C1', `user${i}`, '203.0.113.9')));
    expect((await Promise.all(rush)).filter((wait) => wait !== undefined)).toEqual([]);
  });

  test('a hold counts while the view is behind', async () => {
    const unseen = (seatId: string) =>
      allowance.spend({ address, seatIds: [seatId], userId: 'ann' }, () => command('select', seatId, 'ann', false));
    for (const seatId of ['A1', 'A2', 'A3']) await unseen(seatId);
    expect(await isRefused(select('A4'))).toBe(holdTtlMs);
  });

  test('[G10] addresses without holds use no memory', async () => {
    for (let i = 0; i < 5_000; i++) {
      await select('A1', 'ann', `10.0.${Math.floor(i / 250)}.${i % 250}`);
      await command('release', 'A1', 'ann');
    }
    expect(allowance.claimCount).toBeLessThanOrEqual(1_000);
  });

  test('a request without an address is not limited', async () => {
    for (let i = 1; i <= 10; i++) {
      const seatId = `A${i}`;
      const answer = await allowance.spend({ address: undefined, seatIds: [seatId], userId: 'ann' }, () =>
        command('select', seatId, 'ann'),
      );
      expect(answer.refusal).toBeUndefined();
    }
  });
});
