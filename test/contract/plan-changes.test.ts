import { describe, expect, test } from 'vitest';
import { gridPlan } from '../../src/shows/default-show.ts';
import type { PlanDocument, PlanSeat } from '../../src/shows/plan-document.ts';
import { planHash } from '../../src/shows/plan-hash.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { redisFitness } from '../../src/store/redis-fitness.ts';
import type { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import { ShowRefusedError, StoreUnavailableError } from '../../src/store/seat-store.ts';
import { planText, storedPlan } from '../../src/store/stored-plan.ts';
import { decideOn } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { redisStore, type TestStoreOptions } from '../support/redis-store.ts';
import { useRedis } from '../support/use-redis.ts';
import { book, opened, select } from './contract-venue.ts';
import { asSold, sold, soldPlan, statusOf, tryToBuy } from './sold-venue.ts';

const redis = useRedis();

const newStore = (overrides: Partial<TestStoreOptions> = {}): RedisSeatStore =>
  redisStore({ url: redis.server.url, plan: soldPlan, ...overrides });

/** The plan with other seats in each row. */
function changed(change: (seats: PlanSeat[]) => PlanSeat[], plan = soldPlan): SeatingPlan {
  const document: PlanDocument = plan.toDocument();
  const sections = document.sections.map((section) => ({
    ...section,
    rows: section.rows
      .map((row) => ({ ...row, seats: change(row.seats) }))
      .filter(({ seats: { length } }) => length > 0),
  }));
  return new SeatingPlan({ ...document, sections });
}

const without = (...ids: string[]) => changed((seats) => seats.filter(({ id }) => !ids.includes(id)));
const withSeat = (id: string, change: Partial<PlanSeat>) =>
  changed((seats) => seats.map((seat) => (seat.id === id ? { ...seat, ...change } : seat)));

/** Every key with its value. */
async function dumped(): Promise<Record<string, string>> {
  const keys = (await redis.admin.keys('*')).sort();
  const values = await Promise.all(keys.map((key) => redis.admin.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, i) => [key, values[i]?.toString('hex') ?? '']));
}

/** Waits for the refusal and returns its message. */
async function refusalOf(store: RedisSeatStore): Promise<string> {
  const refusal = () =>
    store.open().then(
      () => 'it is open',
      (error: Error) => error.message,
    );
  await expect.poll(refusal).not.toMatch(/no connection/);
  await expect(store.open()).rejects.toBeInstanceOf(StoreUnavailableError);
  return refusal();
}

test('[R262] another name is refused, and the message has both names', async () => {
  await opened(newStore({ name: 'friday' }));
  expect(await refusalOf(newStore({ name: 'saturday' }))).toMatch(/"friday".*"saturday"/);
  const venue = { name: 'saturday', rows: 2, cols: 3 };
  expect((await redisFitness(redis.admin, { keyPrefix: '', venue })).problem).toMatch(/"friday".*"saturday"/);
  expect(
    (await redisFitness(redis.admin, { keyPrefix: '', venue: { ...venue, name: 'friday' } })).problem,
  ).toBeUndefined();
});

test('[R262] Redis has the plan of the show, and its hash', async () => {
  await opened(newStore());
  expect(storedPlan(await redis.admin.get('venue:plan'), planHash(soldPlan))?.toDocument()).toEqual(
    soldPlan.toDocument(),
  );
  expect(await redis.admin.hgetall('venue:about')).toEqual({
    system: expect.stringMatching(/./),
    venue: 'main',
    plan: planHash(soldPlan),
    plan_read_at_ms: expect.stringMatching(/^\d{13}$/),
  });
});

describe('[R596] a plan that removes and moves no held or booked seat replaces the stored one in a new epoch', () => {
  test.each([
    ['one more row', gridPlan({ rows: 3, cols: 3 }), ['C1', 'C2', 'C3']],
    ['one more column', gridPlan({ rows: 2, cols: 4 }), ['A4', 'B4']],
  ])('%s: the new seats are available, without an alarm', async (_, plan, added) => {
    const before = await sold(newStore());
    await redis.admin.xtrim('venue:events', 'MAXLEN', 1); // new seats have no trace in any log
    const { logger, lines } = recordedLog();
    const store = newStore({ plan, logger });
    const venue = await opened(store);
    expect(venue.epoch).not.toBe(before.epoch);
    expect([venue.system, venue.seq]).toEqual([before.system, 7]);
    expect(statusOf(venue)).toEqual({ ...asSold, ...Object.fromEntries(added.map((id) => [id, '0'])) });
    expect(venue.seats.map(({ id }) => id)).toEqual(plan.ids);
    expect(await redis.admin.hget('venue:about', 'plan')).toBe(planHash(plan));
    expect(await tryToBuy(store, 'B2', 'mallory', venue)).toBe(false);
    expect(await tryToBuy(store, added[0] as string, 'dave', venue)).toBe(true);
    expect((await decideOn(store, 'A2', [book('carol')], venue)).answers[0]?.refusal).toBeUndefined();
    expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, from: planHash(soldPlan), to: planHash(plan), removed: [] }),
    );
  });

  test('free seats may be removed and added again later', async () => {
    await sold(newStore());
    const smaller = await opened(newStore({ plan: without('A3', 'B3') }));
    const { A3, B3, ...rest } = asSold;
    expect(statusOf(smaller)).toEqual(rest);
    expect((await redis.admin.hkeys('venue:seats')).sort()).toEqual(Object.keys(rest));
    expect(statusOf(await opened(newStore()))).toEqual(asSold);
  });

  test('free seats may be moved, and sold seats keep their state where the plan counts them differently', async () => {
    await sold(newStore());
    const plan = changed(
      (seats) => {
        const [first] = seats;
        return first?.id === 'A1' ? [{ ...first, id: 'A0', label: '0', x: first.x + 7 }, ...seats] : seats;
      },
      withSeat('B3', { label: '33' }),
    );
    const venue = await opened(newStore({ plan }));
    expect(statusOf(venue)).toEqual({ ...asSold, A0: '0' });
    const held = { id: 'A1', row: 0, col: 1, status: 2, held_by: 'alice', seq: 2 };
    expect(venue.seats[1]).toEqual(held);
    expect(JSON.parse((await redis.admin.hget('venue:seats', 'A1')) as string)).toEqual(held);
  });

  test('a hold that has expired while no process ran does not count', async () => {
    const store = newStore({ holdTtlMs: 400 });
    await decideOn(store, 'B3', [select('alice')], await opened(store));
    const smaller = newStore({ plan: without('B3') });
    expect(await refusalOf(smaller)).toContain('seat B3 (held)');
    await expect
      .poll(() => smaller.open().then(({ seats }) => seats.map(({ id }) => id)), patience)
      .toEqual(['A1', 'A2', 'A3', 'B1', 'B2']);
  });

  test('other categories and flags change no seat', async () => {
    const before = await sold(newStore());
    const venue = await opened(newStore({ plan: withSeat('A1', { category: 'Box', flags: ['accessible'] }) }));
    expect(venue.epoch).not.toBe(before.epoch);
    expect(statusOf(venue)).toEqual(asSold);
  });
});

describe('[G1] [R597] a plan that removes or moves a held or booked seat is refused by name and changes nothing', () => {
  test.each([
    ['removes a booked seat', without('B2'), 'seat B2 (booked) would be removed'],
    ['removes a held seat', without('A2', 'A3'), 'seat A2 (held) would be removed'],
    ['has one row less', gridPlan({ rows: 1, cols: 3 }), 'seat B2 (booked) would be removed'],
    [
      'renames a booked seat',
      withSeat('A1', { label: '11' }),
      'seat A1 (booked) would move from "Hall, row A, seat 1"',
    ],
    ['moves a held seat', withSeat('A2', { x: 400 }), 'seat A2 (held) would move from "x '],
    [
      'removes all',
      gridPlan({ rows: 1, cols: 1 }),
      'seat A2 (held) would be removed, seat B2 (booked) would be removed',
    ],
  ])('%s', async (_, plan, reason) => {
    const running = newStore();
    const known = await sold(running);
    const before = await dumped();
    const message = await refusalOf(newStore({ plan }));
    expect(message).toContain('The show main cannot be opened: its file has changed, and ');
    expect(message).toContain(reason);
    expect(await dumped()).toEqual(before);
    const { answers } = await decideOn(running, 'A2', [book('carol')], known);
    expect(answers[0], 'the others continue in their epoch').toMatchObject({ seat: { status: 2, held_by: 'carol' } });
  });

  test('five seats are named, the others counted', async () => {
    const store = newStore({ plan: gridPlan({ rows: 1, cols: 9 }) });
    const venue = await opened(store);
    for (const id of venue.seats.map((seat) => seat.id)) await decideOn(store, id, [select('alice')], venue);
    const named = [2, 3, 4, 5, 6].map((n) => `seat A${n} (held) would be removed`).join(', ');
    expect(await refusalOf(newStore({ plan: gridPlan({ rows: 1, cols: 1 }) }))).toContain(
      `${named}, 3 more seats. Undo`,
    );
  });

  test('when the seats are free again, the plan is accepted', async () => {
    const store = newStore();
    const venue = await opened(store);
    await decideOn(store, 'B3', [select('alice')], venue);
    const smaller = newStore({ plan: without('B3') });
    expect(await refusalOf(smaller)).toContain('seat B3 (held)');
    await decideOn(store, 'B3', [{ action: 'release', userId: 'alice' }], venue);
    expect((await smaller.open()).seats.map(({ id }) => id)).toEqual(['A1', 'A2', 'A3', 'B1', 'B2']);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['venue:plan', () => redis.admin.del('venue:plan')],
    ['venue:plan', async () => redis.admin.set('venue:plan', String(await redis.admin.get('venue:plan')).slice(0, 40))],
    ['venue:plan', () => redis.admin.set('venue:plan', planText(gridPlan({ rows: 1, cols: 1 })))],
    ['venue:about', () => redis.admin.del('venue:about')],
    ['venue:seats', () => redis.admin.del('venue:seats')],
    ['venue:seats', () => redis.admin.hdel('venue:seats', 'B2')],
    ['venue:events and venue:plan', () => redis.admin.del('venue:events', 'venue:plan')],
    [
      'transitions of seats',
      () => redis.admin.hset('venue:seats', 'B2', '{"id":"B2","row":1,"col":1,"status":0,"seq":0}'),
    ],
  ])('while Redis has lost %s, every other plan is refused; the stored one restores it', async (lost, damage) => {
    await sold(newStore());
    await damage();
    const before = await dumped();
    for (const plan of [without('B2'), gridPlan({ rows: 3, cols: 3 })]) {
      expect(await refusalOf(newStore({ plan }))).toContain(
        `Redis has lost ${lost}. Start once with its previous file`,
      );
    }
    expect(await dumped()).toEqual(before);
    expect(statusOf(await opened(newStore()))).toEqual(asSold);
  });

  test.each([
    ['removes a booked seat', without('B2'), 'seat B2 (booked) would be removed'],
    [
      'moves a booked seat',
      changed((seats) => (seats[0]?.id === 'A1' ? [...seats.slice(1), ...seats.slice(0, 1)] : seats)),
      'seat A1 (booked) would move from seat 1 of row 1 to seat 3 of row 1',
    ],
  ])('without the plan and its hash, the stored seats count: one that %s is refused', async (_, plan, reason) => {
    await sold(newStore());
    await redis.admin.del('venue:about', 'venue:plan');
    const before = await dumped();
    expect(await refusalOf(newStore({ plan }))).toContain(reason);
    expect(await dumped()).toEqual(before);
    expect(statusOf(await opened(newStore()))).toEqual(asSold);
  });
});

describe('[R598] the plan that was read last stays', () => {
  const larger = gridPlan({ rows: 3, cols: 3 });

  test('an older process does not undo a newer plan, and changes nothing', async () => {
    const older = newStore({ planReadAtMs: 1_000 });
    await sold(older);
    const newer = newStore({ plan: larger, planReadAtMs: 2_000 });
    const venue = await opened(newer);
    const before = await dumped();
    expect(await refusalOf(older)).toContain('it has a newer plan by now. Restart this process with the new file');
    expect(await dumped()).toEqual(before);
    expect((await newer.open()).epoch).toBe(venue.epoch);
  });

  test('a process that read the previous file later goes back to it', async () => {
    await opened(newStore({ plan: larger, planReadAtMs: 2_000 }));
    const venue = await opened(newStore({ planReadAtMs: 3_000 }));
    expect(venue.seats.map(({ id }) => id)).toEqual(soldPlan.ids);
    expect(await redis.admin.hget('venue:about', 'plan_read_at_ms')).toBe('3000');
  });

  test('[R671] two plans have the same read time: the same one stays, whichever process opens the show', async () => {
    const plans = [soldPlan, larger].toSorted((a, b) => (planHash(a) < planHash(b) ? -1 : 1));
    const [less, greater] = plans.map((plan) => newStore({ plan, planReadAtMs: 1_000 })) as [
      RedisSeatStore,
      RedisSeatStore,
    ];
    await opened(less);
    const { epoch } = await opened(greater);
    expect(await refusalOf(less)).toContain('it has a newer plan by now');
    expect((await greater.open()).epoch, 'they do not replace each other for ever').toBe(epoch);
  });

  test('processes with one plan share an epoch, whenever they read it', async () => {
    const epochs = [];
    for (const planReadAtMs of [2_000, 1_000, 3_000]) epochs.push((await opened(newStore({ planReadAtMs }))).epoch);
    expect(new Set(epochs).size).toBe(1);
  });
});

test('[R599] a lost plan is restored in a new epoch, and logged', async () => {
  const before = await sold(newStore());
  const plan = await redis.admin.get('venue:plan');
  await redis.admin.del('venue:plan');
  const { logger, lines } = recordedLog();
  const venue = await opened(newStore({ logger }));
  expect(venue.epoch).not.toBe(before.epoch);
  expect(statusOf(venue)).toEqual(asSold);
  expect(await redis.admin.get('venue:plan')).toBe(plan);
  expect(lines.filter(({ level }) => level >= 50)).toEqual([expect.objectContaining({ missing: ['venue:plan'] })]);
});

test('[R679] the data of a release that kept no plan is taken over, without an alarm', async () => {
  const before = await sold(newStore());
  await redis.admin.hdel('venue:about', 'plan', 'plan_read_at_ms');
  await redis.admin.del('venue:plan');
  const { logger, lines } = recordedLog();
  const venue = await opened(newStore({ logger }));
  expect([venue.system, venue.seq, statusOf(venue)]).toEqual([before.system, 7, asSold]);
  expect(await redis.admin.hget('venue:about', 'plan')).toBe(planHash(soldPlan));
  expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
});

test.each([
  ['the hash', () => redis.admin.hdel('venue:about', 'plan')],
  [
    'the hash and the plan',
    () => Promise.all([redis.admin.hdel('venue:about', 'plan'), redis.admin.del('venue:plan')]),
  ],
])('[R679] %s alone: a lost part', async (_, damage) => {
  await sold(newStore());
  await damage();
  const { logger, lines } = recordedLog();
  expect(statusOf(await opened(newStore({ logger })))).toEqual(asSold);
  expect(lines.filter(({ level }) => level >= 50)).toHaveLength(1);
});

describe('[R672] [G9] data of another kind under the keys of the show is a refusal, and stays as it is', () => {
  test.each(['seats', 'epoch', 'seq', 'events', 'holds', 'relayed', 'about', 'plan'])('venue:%s', async (name) => {
    await redis.admin.rpush(`venue:${name}`, 'a list');
    const store = newStore();
    expect(await refusalOf(store)).toMatch(/The show main cannot be opened: Redis holds data of another kind/);
    await expect(store.open()).rejects.toBeInstanceOf(ShowRefusedError);
    expect(await redis.admin.keys('*')).toEqual([`venue:${name}`]);
  });
});
