import { get } from 'node:http';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { SaleLines } from '../../src/inspect/sale-lines.ts';
import { SaleLog } from '../../src/inspect/sale-log.ts';
import { NodeDifferences } from '../../src/inspect-page/node-differences.ts';
import { machineAt, transitionInto } from '../../src/inspect-page/past-machine.ts';
import { SaleHistory } from '../../src/inspect-page/sale-history.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { patience } from '../support/patience.ts';
import { newStore, startInspected } from './inspect-fixture.ts';

/** A sale as the store decides it, with the state of each seat after each transition. */
async function sale(commands: readonly [seat: number, user: number, action: number][]) {
  const store = new MemorySeatStore({ plan: gridPlan({ rows: 1, cols: 3 }), holdTtlMs: 60_000, maxHoldsPerUser: 100 });
  const { epoch, seats } = await store.open();
  const known = new Map<string, Seat>(seats.map((seat) => [seat.id, seat]));
  const moments = [new Map(known)];
  const events: SeatEvent[] = [];
  for (const [seat, user, action] of commands) {
    const id = `A${seat + 1}`;
    const command = { action: (['select', 'book', 'release'] as const)[action] ?? 'select', userId: `user${user}` };
    const decided = await decideOn(store, id, [command], { epoch, seq: events.length });
    for (const event of decided.events) {
      events.push(event);
      known.set(id, decided.answers[0]?.seat as Seat);
      moments.push(new Map(known));
    }
  }
  return { epoch, events, moments };
}

const commands = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 0, 0, 1, 2, 2)),
  { minLength: 1, maxLength: 40 },
);

test('[R160] the venue is known at any moment, even if the log has lost its start', async () => {
  await fc.assert(
    fc.asyncProperty(commands, fc.nat(), async (asked, cut) => {
      const { epoch, events, moments } = await sale(asked);
      const from = cut % (events.length + 1);
      const now = [...(moments.at(-1)?.values() ?? [])];
      const history = new SaleHistory({ epoch, from, to: events.length, seats: now }, events.slice(from));
      const what = (seats: ReadonlyMap<string, Seat> | undefined) =>
        [...(seats?.values() ?? [])].map(({ id, status, held_by }) => [id, status, held_by]);
      for (let moment = 0; moment <= history.length; moment++) {
        expect(what(history.seatsAt(moment))).toEqual(what(moments[from + moment]));
      }
    }),
    { numRuns: 100 },
  );
});

test('[R160] moments of a long sale, in any order', async () => {
  const rounds = Array.from({ length: 1_500 }, (_, i) => [i % 3, i % 2, 0] as [number, number, number]);
  const asked = rounds.flatMap(
    ([seat, user]) =>
      [
        [seat, user, 0],
        [seat, user, 2],
      ] as [number, number, number][],
  );
  const { epoch, events, moments } = await sale(asked);
  const history = new SaleHistory(
    { epoch, from: 0, to: events.length, seats: [...(moments.at(-1)?.values() ?? [])] },
    events,
  );
  for (const moment of [0, 511, 512, 513, 2_999, 1, 3_000]) {
    expect([...history.seatsAt(moment).values()]).toEqual([...(moments[moment]?.values() ?? [])]);
  }
});

test('[R161] the machine of a seat, and the transition that led to a moment', async () => {
  const { epoch, events, moments } = await sale([
    [0, 0, 0],
    [1, 1, 0],
    [0, 0, 1],
  ]);
  const history = new SaleHistory({ epoch, from: 0, to: 3, seats: [...(moments.at(-1)?.values() ?? [])] }, events);
  expect(machineAt(history, 0, 'A1')).toMatchObject({ value: 'available', events: [] });
  expect(machineAt(history, 2, 'A1')).toMatchObject({
    value: 'held',
    context: { seat: { held_by: 'user0' }, holdRemainingMs: 60_000 },
    events: [{ event: { type: 'HELD' } }],
  });
  expect(machineAt(history, 3, 'A1')).toMatchObject({ value: 'booked' });
  expect(transitionInto(history, 1, 'A1')).toEqual(['on-seat_available_HELD_0']);
  expect(transitionInto(history, 2, 'A1')).toBeUndefined();
  expect(transitionInto(history, 3, 'A1')).toEqual(['on-seat_held_BOOKED_0']);
  expect(history.eventsOf('A1').map(({ event, moment }) => [event.type, event.user_id, moment])).toEqual([
    ['held', 'user0', 1],
    ['booked', 'user0', 3],
  ]);
});

test('[R159] the history has everything since the start of the log, which is found after older events were deleted', async () => {
  const store = new MemorySeatStore({
    plan: gridPlan({ rows: 10, cols: 10 }),
    holdTtlMs: 30_000,
    maxHoldsPerUser: 100,
    keepEvents: 10,
  });
  const markRelayed = store.markRelayed.bind(store);
  store.markRelayed = async () => {}; // on a slow machine the service's relay would delete more
  const { app, service, command } = await startInspected({ store });
  for (let i = 0; i < 40; i++) {
    await command('select', 'A1', 'ann');
    await command('release', 'A1', 'ann');
  }
  const { epoch } = service.view.position;
  await markRelayed({ epoch, seq: 60 }); // deletes 1 to 49
  await command('select', 'B2', 'bob');
  const { payload } = await app.inject({ url: '/inspect/history' });
  const [start, ...events] = payload
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(start).toMatchObject({ epoch, from: 49, to: 81 });
  expect(start.seats).toHaveLength(100);
  expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 32 }, (_, i) => 50 + i));
  const history = new SaleHistory(start, events);
  expect(history.seatsAt(0).get('A1')).toMatchObject({ status: 1, held_by: 'ann' });
  expect(history.momentOf(81)).toBe(32);
});

test('[R351] each transition is read from the log and serialised once for any number of requests', async () => {
  const store = newStore();
  store.markRelayed = async () => {};
  const { app, command } = await startInspected({ store });
  const change = async (count: number) => {
    for (let i = 0; i < count; i++) await command(i % 2 === 0 ? 'select' : 'release', 'A1', 'ann');
  };
  const read = vi.spyOn(store, 'eventsAfter');
  const request = async () => {
    read.mockClear();
    const { statusCode, payload } = await app.inject({ url: '/inspect/history' });
    const seqs = payload.match(/"seq":\d+}\n/g)?.map((text) => Number(text.match(/\d+/)?.[0]));
    const lowest = Math.min(...read.mock.calls.map(([position]) => position.seq));
    return { statusCode, seqs, lowest };
  };
  const upTo = (seq: number) => Array.from({ length: seq }, (_, index) => index + 1);
  await change(600);
  expect(await request()).toEqual({ statusCode: 200, seqs: upTo(600), lowest: 0 });
  expect(await request()).toEqual({ statusCode: 200, seqs: upTo(600), lowest: 600 });
  await change(3);
  expect(await request()).toEqual({ statusCode: 200, seqs: upTo(603), lowest: 600 });
});

test('[R351] one history at a time for an address, a few for all together; one that takes too long is ended', async () => {
  const store = newStore();
  const { url, command } = await startInspected({
    store,
    inspect: { limits: { histories: 2, historyTimeoutMs: 1_000 } },
  });
  await command('select', 'A1', 'ann');
  const read = store.eventsAfter.bind(store);
  let isHeldUp = true;
  vi.spyOn(store, 'eventsAfter').mockImplementation((position, limit) =>
    isHeldUp && position.seq === 0 ? new Promise(() => {}) : read(position, limit),
  );
  const open = (address: string): Promise<number | string | undefined> =>
    new Promise((resolve) => {
      const headers = { 'x-forwarded-for': address };
      get(`${url}/inspect/history`, { headers, agent: false }, (response) => resolve(response.resume().statusCode)).on(
        'error',
        () => resolve('ended'),
      );
    });
  const heldUp = [open('203.0.113.1'), open('203.0.113.2')];
  await vi.waitFor(async () => expect(await open('203.0.113.3')).toBe(429), patience);
  expect(await open('203.0.113.1')).toBe(429);
  expect(await Promise.all(heldUp)).toEqual(['ended', 'ended']);
  isHeldUp = false;
  expect(await open('203.0.113.3'), 'places are free again').not.toBe(429);
});

test('[R351] a history that has grown meanwhile is sent up to the requested transition', async () => {
  const event = {
    type: 'held',
    seat_id: 'A1',
    user_id: 'ann',
    status: 1,
    timestamp: '2026-01-01T00:00:00.000Z',
  } as const;
  const events: SeatEvent[] = Array.from({ length: 700 }, (_, index) => ({ ...event, epoch: 'e', seq: index + 1 }));
  const lines = new SaleLines(
    new SaleLog({
      eventsAfter: async ({ seq }, limit = 1_024) => ({
        epoch: 'e',
        seq: 700,
        nowMs: 0,
        events: events.slice(seq, seq + limit),
      }),
    }),
  );
  const last = async (seq: number) => {
    const { fromSeq, lines: chunks } = await lines.upTo({ epoch: 'e', seq });
    const seqs = Buffer.concat(chunks).toString().trim().split('\n');
    return [fromSeq, seqs.length, JSON.parse(seqs.at(-1) as string).seq];
  };
  expect(await Promise.all([last(700), last(300), last(256)])).toEqual([
    [0, 700, 700],
    [0, 300, 300],
    [0, 256, 256],
  ]);
  expect(await last(257)).toEqual([0, 257, 257]);
});

test('[R159] the history excludes an earlier epoch', async () => {
  const event = (epoch: string, seq: number) => ({ epoch, seq }) as SeatEvent;
  const all = [1, 2, 3].map((seq) => event('old', seq)).concat([4, 5, 6, 7].map((seq) => event('new', seq)));
  const log = new SaleLog({
    eventsAfter: async ({ seq }) => ({ epoch: 'new', seq: 7, nowMs: 0, events: all.slice(seq, seq + 2) }),
  });
  const from = await log.beginning({ epoch: 'new', seq: 7 });
  const seqs: number[] = [];
  for await (const page of log.pages('new', from, 7)) seqs.push(...page.map(({ seq }) => seq));
  expect([from, seqs]).toEqual([3, [4, 5, 6, 7]]);
});

test('[R162] processes differ if they differ repeatedly, not if one is only behind', () => {
  const differences = new NodeDifferences();
  const nodes = (a: string, b: string, seq = 1) => [
    { node: 'one', seats: { A1: { state: a, seq } } },
    { node: 'two', seats: { A1: { state: b, seq: 1 } } },
    { node: 'silent' },
  ];
  expect(differences.compare(nodes('booked', 'available', 2))).toEqual([]);
  expect(differences.compare(nodes('booked', 'booked'))).toEqual([]);
  expect(differences.compare(nodes('booked', 'available', 3))).toEqual([]);
  expect(differences.compare(nodes('booked', 'available', 3))).toEqual([
    {
      seatId: 'A1',
      states: new Map([
        ['one', 'booked · 3'],
        ['two', 'available · 1'],
      ]),
    },
  ]);
});
