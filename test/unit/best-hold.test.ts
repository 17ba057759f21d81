import { expect, test, vi } from 'vitest';
import { holdBest } from '../../src/booking/best-hold.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { parseShow } from '../../src/shows/parse-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type { SeatCommand } from '../../src/store/seat-store.ts';
import { type SeveralShows, severalShows, testShow } from '../support/several-shows.ts';

const rules: HoldRules = { holdTtlMs: 30_000, maxHoldsPerUser: 40, reholdCooldownMs: 5_000 };

interface Sale extends SeveralShows {
  store: RivalledStore;
  /** By the store. */
  heldBy(userId: string): Promise<string[]>;
  best(userId: string, best: object, headers?: Record<string, string>): ReturnType<SeveralShows['post']>;
}

/** Others may be faster: `rival` acts just before a command to hold seats is decided. */
class RivalledStore extends MemorySeatStore {
  rival: ((seatIds: readonly string[]) => SeatCommand | undefined) | undefined;
  /** The seats of each command to hold, in order. */
  readonly attempts: (readonly string[])[] = [];

  override async decide(...[commands, known]: Parameters<MemorySeatStore['decide']>) {
    const selects = commands.filter(({ action }) => action === 'select');
    this.attempts.push(...selects.map(({ seatIds }) => seatIds));
    for (const { seatIds } of selects) {
      const command = this.rival?.(seatIds);
      if (command) await super.decide([command], known);
    }
    return super.decide(commands, known);
  }
}

const hall = (rows: number, seats: number, more: object = {}): Show => {
  const section = { name: 'Hall', rows, seats, category: 'Standard', ...more };
  const file = {
    name: 'Hall',
    starts_at: '2099-01-01T20:00:00Z',
    categories: [
      { name: 'Standard', colour: '#1e8449' },
      { name: 'Rear', colour: '#2874a6' },
    ],
    layout: { sections: [section] },
  };
  return parseShow('hall', JSON.stringify(file), 'hall.json');
};

async function sale(show: Show, { nowMs = Date.now }: { nowMs?: () => number } = {}): Promise<Sale> {
  const store = new RivalledStore({ ...rules, plan: show.plan, nowMs });
  const booking = await severalShows({
    shows: [testShow('main'), show],
    rules,
    storeOf: ({ id, plan }) => (id === show.id ? store : new MemorySeatStore({ ...rules, plan })),
  });
  return {
    ...booking,
    store,
    heldBy: async (userId) => {
      const held = (await store.open()).seats.filter((seat) => seat.status === 1 && seat.held_by === userId);
      return held.map(({ id }) => id);
    },
    best: (user_id, best, headers) => booking.post(`${show.id}/holds`, { best, user_id }, headers),
  };
}

const rivalOf = (seatIds: readonly string[]): SeatCommand => ({ action: 'select', seatIds, userId: 'rival' });
const idsOf = ({ body }: Awaited<ReturnType<Sale['best']>>): string[] => body.seats.map(({ id }: { id: string }) => id);

test('[R624] holds neighbours near the focal point with one end, in one decision', async () => {
  const { best, heldBy, store } = await sale(hall(3, 9));
  const reply = await best('ann', { count: 3 });
  expect(reply).toMatchObject({ status: 200, body: { success: true, expires_at: expect.any(Number) } });
  expect(idsOf(reply)).toEqual(['A4', 'A5', 'A6']);
  expect(await heldBy('ann')).toEqual(['A4', 'A5', 'A6']);
  expect(store.attempts).toHaveLength(1);
});

test('[R624] [G13] if others were faster, the next best seats are held, none of the refused ones', async () => {
  const { best, heldBy, store } = await sale(hall(3, 9));
  let isFirst = true;
  store.rival = ([first = '']) => {
    if (!isFirst) return undefined;
    isFirst = false;
    return rivalOf([first]);
  };
  const reply = await best('ann', { count: 3 });
  expect(reply.status).toBe(200);
  expect(store.attempts).toHaveLength(2);
  const [refused] = store.attempts[0] ?? [];
  expect(idsOf(reply)).not.toContain(refused);
  expect((await heldBy('ann')).sort()).toEqual(idsOf(reply).sort());
  expect(await heldBy('rival')).toEqual([refused]);
});

test('[R624] [G5] the next attempt knows all seats taken by others, even if the bus delivers nothing', async () => {
  const show = hall(4, 10);
  const { best, store } = await sale(show);
  let isFirst = true;
  const takeAllBut = new Set(['D9', 'D10']);
  // One rival takes nearly the whole hall between the search and its decision.
  store.rival = () => {
    if (!isFirst) return undefined;
    isFirst = false;
    return rivalOf(show.plan.ids.filter((id) => !takeAllBut.has(id)));
  };
  const reply = await best('ann', { count: 2 });
  expect(idsOf(reply).sort()).toEqual([...takeAllBut].sort());
  expect(store.attempts).toHaveLength(2);
});

test('[R624] after three attempts the reply is the last refusal, with the seats that were taken', async () => {
  const { best, heldBy, store } = await sale(hall(6, 12));
  store.rival = ([first = '']) => rivalOf([first]);
  const reply = await best('ann', { count: 3 });
  expect(reply).toMatchObject({ status: 409, body: { error: { code: 'SEATS_TAKEN', retryable: true } } });
  expect(store.attempts).toHaveLength(3);
  expect(idsOf(reply)).toEqual([store.attempts[2]?.[0]]);
  expect(new Set(store.attempts.map(([first]) => first)).size, 'no refused seat is asked for again').toBe(3);
  expect(await heldBy('ann')).toEqual([]);
  store.rival = undefined;
  expect((await best('ann', { count: 3 })).status, 'a repeat of the request may succeed').toBe(200);
});

test.each([
  ['SEAT_HELD', (seatIds: readonly string[]) => [rivalOf(seatIds)]],
  ['SEAT_BOOKED', (seatIds: readonly string[]) => [rivalOf(seatIds), { ...rivalOf(seatIds), action: 'book' as const }]],
])('[R624] one seat that is refused with %s leads to the next best one', async (_, rivals) => {
  const { best, heldBy, store } = await sale(hall(1, 5));
  const { decide } = MemorySeatStore.prototype;
  let isFirst = true;
  store.decide = async (commands, known) => {
    const { seatIds } = commands[0] as SeatCommand;
    if (isFirst) await decide.call(store, rivals(seatIds) as SeatCommand[], known);
    isFirst = false;
    return decide.call(store, commands, known);
  };
  const reply = await best('ann', { count: 1 });
  expect(reply.status).toBe(200);
  expect(await heldBy('ann')).toEqual(idsOf(reply));
});

test('[R624] seats of which the hold of this user has just ended are passed over: COOLDOWN', async () => {
  let nowMs = Date.now();
  const { best, store, heldBy } = await sale(hall(1, 6), { nowMs: () => nowMs });
  const first = idsOf(await best('ann', { count: 2 }));
  nowMs += rules.holdTtlMs + 1;
  await store.decide([{ action: 'expire', seatIds: first }], await store.open());
  const second = await best('ann', { count: 2 });
  expect(second.status).toBe(200);
  expect(idsOf(second).filter((id) => first.includes(id))).toEqual([]);
  expect(store.attempts.length, 'the store decides about the cool-down').toBe(3);
  expect((await heldBy('ann')).sort()).toEqual(idsOf(second).sort());
  expect(idsOf(await best('bob', { count: 2 })), 'others have no cool-down').toEqual(first);
});

test('[R624] [R541] a group gets two parts if no neighbours are free; NOT_TOGETHER if fewer seats are free', async () => {
  const { best, post } = await sale(hall(1, 5));
  await post('hall/holds', { seats: ['A3'], user_id: 'rival' });
  expect(await best('ann', { count: 5 })).toMatchObject({
    status: 409,
    body: { error: { code: 'NOT_TOGETHER', retryable: true, message: 'No 5 seats are free together' } },
  });
  expect(idsOf(await best('ann', { count: 4 })).sort()).toEqual(['A1', 'A2', 'A4', 'A5']);
  expect((await best('bob', { count: 1 })).body.error.message).toBe('No seat is free');
});

test('[R624] a category or section narrows the choice; an unknown one is refused, not ignored', async () => {
  const { best } = await sale(hall(4, 6, { category_from: { C: 'Rear' } }));
  expect(idsOf(await best('ann', { count: 2, category: 'Rear' })).every((id) => /^[CD]/.test(id))).toBe(true);
  expect((await best('ann', { count: 2, section: 'Hall' })).status).toBe(200);
  const refused = { status: 400, body: { error: { code: 'INVALID_REQUEST' } } };
  expect(await best('ann', { count: 2, category: 'Front' })).toMatchObject(refused);
  expect(await best('ann', { count: 2, section: 'Stalls' })).toMatchObject(refused);
  expect((await best('ann', { count: 20, category: 'Rear' })).body.error.message).toBe(
    'No 20 seats are free together in Rear',
  );
});

test('[R542] accessible and companion seats are held only on request', async () => {
  const { best } = await sale(hall(1, 6, { accessible: ['A1'], companion: ['A2'] }));
  expect(idsOf(await best('ann', { count: 4 })).sort()).toEqual(['A3', 'A4', 'A5', 'A6']);
  expect((await best('bob', { count: 1 })).body.error.code).toBe('NOT_TOGETHER');
  expect(idsOf(await best('cid', { count: 2, accessible: true })).sort()).toEqual(['A1', 'A2']);
});

test('[R624] a refusal that other seats would not change is not retried: HOLD_LIMIT', async () => {
  const { best, store } = await sale(hall(5, 12));
  expect((await best('ann', { count: 20 })).status).toBe(200);
  expect((await best('ann', { count: 20 })).status).toBe(200);
  const refused = await best('ann', { count: 1 });
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'HOLD_LIMIT' } } });
  expect(store.attempts).toHaveLength(3);
});

test.each([
  ['the seats of the show', hall(5, 20)],
  ['no place for them together', hall(5, 3)],
])('[R673] more seats than one user may hold are refused with HOLD_LIMIT, whatever is free: %s', async (_, show) => {
  const { best, store } = await sale({ ...show, maxHolds: 4 });
  const refused = await best('ann', { count: 5 });
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'HOLD_LIMIT' } } });
  expect(refused.body.error.message).toBe('You can hold at most 4 seats at once');
  expect(store.attempts).toEqual([]);
});

test('[R624] requests of one moment are offered different seats, so each succeeds at its first attempt', async () => {
  const { best, store, heldBy } = await sale(hall(8, 20));
  const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
  const replies = await Promise.all(users.map((user) => best(user, { count: 3 })));
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(users.length);
  expect(store.attempts).toHaveLength(users.length);
  expect(new Set(replies.flatMap(idsOf)).size).toBe(3 * users.length);
  for (const [i, user] of users.entries())
    expect((await heldBy(user)).sort()).toEqual(idsOf(replies[i] as never).sort());
});

test('[R588] in a rush, each search has a turn of the event loop of its own', async () => {
  const { best, shows } = await sale(hall(8, 20));
  const { service } = shows.get('hall');
  let [turn, isOver] = [0, false];
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  const turnsOfSearches = new Set<number>();
  const hasCommand = vi.spyOn(service, 'hasCommand').mockImplementation(() => {
    turnsOfSearches.add(turn);
    return false;
  });
  count();
  await Promise.all(Array.from({ length: 20 }, (_, i) => best(`user-${i}`, { count: 1 })));
  isOver = true;
  expect(hasCommand).toHaveBeenCalled();
  expect(turnsOfSearches.size).toBeGreaterThanOrEqual(20);
});

test('[R624] [G10] more searches than can be done in time are refused at once: BUSY', async () => {
  const { shows } = await sale(hall(1, 6));
  const hold = async () => ({ seats: [] });
  const searches = Array.from({ length: 1_200 }, () => holdBest(shows.get('hall'), { count: 1 }, hold));
  const results = await Promise.allSettled(searches);
  const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  expect(refused.map(({ reason }) => reason.detail.code)).toEqual(Array(200).fill('BUSY'));
  expect(await holdBest(shows.get('hall'), { count: 1 }, hold), 'once they are done').toEqual({ seats: [] });
});

test('[R625] [R36] a repeated attempt holds nothing: it is refused with TIMEOUT, and reading shows the result of the first', async () => {
  const { best, heldBy, store, post } = await sale(hall(3, 9));
  const key = { 'idempotency-key': 'k'.repeat(20) };
  const first = await best('ann', { count: 2 }, { ...key, 'x-attempt': '1' });
  expect(first.status).toBe(200);
  const repeat = await best('ann', { count: 2 }, { ...key, 'x-attempt': '2' });
  expect(repeat).toMatchObject({ status: 504, body: { error: { code: 'TIMEOUT', retryable: true } } });
  expect((await heldBy('ann')).sort()).toEqual(idsOf(first).sort());
  expect(store.attempts).toHaveLength(1);
  // A repeat whose first attempt never arrived is refused in the same way.
  expect((await best('bob', { count: 2 }, { 'idempotency-key': 'b'.repeat(20), 'x-attempt': '2' })).status).toBe(504);
  expect(await heldBy('bob')).toEqual([]);
  // Named seats are safe to repeat.
  const named = () => post('hall/holds', { seats: ['C1', 'C2'], user_id: 'cid' }, { ...key, 'x-attempt': '2' });
  expect([(await named()).status, (await named()).status]).toEqual([200, 200]);
});

test('[R624] [G5] seats that another process has just sold are not offered', async () => {
  const show = hall(1, 6);
  const line = new MemoryBusLine();
  const store = new MemorySeatStore({ ...rules, plan: show.plan });
  const shows = [testShow('main'), show];
  const storeOf = ({ id, plan }: Show) => (id === show.id ? store : new MemorySeatStore({ ...rules, plan }));
  // Nothing of the other process arrives over the bus.
  const one = await severalShows({ shows, rules, storeOf, line });
  const two = await severalShows({ shows, rules, storeOf, busOf: () => new MemoryEventBus(new MemoryBusLine()) });
  expect((await one.post('hall/holds', { best: { count: 2 }, user_id: 'ann' })).status).toBe(200);
  expect((await two.post('hall/holds', { best: { count: 2 }, user_id: 'bob' })).status).toBe(200);
  expect((await one.post('hall/holds', { best: { count: 2 }, user_id: 'cid' })).status).toBe(200);
  expect((await store.open()).seats.map(({ status }) => status)).toEqual(Array(6).fill(SeatStatus.held));
  expect((await two.post('hall/holds', { best: { count: 1 }, user_id: 'dan' })).body.error.code).toBe('NOT_TOGETHER');
});
