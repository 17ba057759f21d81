import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { SeatCommand } from '../../src/store/seat-store.ts';
import { useRedis } from '../support/use-redis.ts';
import { opened, type StorePlace } from './contract-venue.ts';
import { memoryPlace, redisPlace } from './store-places.ts';

// Time advances in steps whose sums stay seconds away from the end of a hold, so the real duration of a run has no effect.
const settings = {
  rows: 1,
  cols: 3,
  holdTtlMs: 60_000,
  maxHoldsPerUser: 2,
  maxExtensions: 1,
  reholdCooldownMs: 40_000,
};
const timeSteps = [25_000, 50_000, 130_000];
const users = ['alice', 'bob', 'carol'];

type Step =
  | { kind: 'decide'; calls: SeatCommand[][] }
  | { kind: 'pass'; ms: number }
  | { kind: 'read'; back: number; limit: number }
  | { kind: 'reopen'; knownAhead: boolean };

const oneSeat = fc.constantFrom('A1', 'A1', 'A2', 'A3').map((id) => [id]);
const someSeats = fc.shuffledSubarray(['A1', 'A2', 'A3'], { minLength: 2 });
const command: fc.Arbitrary<SeatCommand> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      action: fc.constantFrom('select', 'select', 'extend', 'book', 'release'),
      seatIds: fc.oneof({ weight: 2, arbitrary: oneSeat }, { weight: 1, arbitrary: someSeats }),
      userId: fc.constantFrom(...users),
      // Few different keys, so that most commands are retries.
      request: fc.option(fc.record({ key: fc.constantFrom('k1', 'k2', 'k3'), isRepeat: fc.boolean() }), {
        nil: undefined,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      action: fc.constantFrom('checkout', 'rehold', 'sell', 'close', 'revoke'),
      seatIds: fc.oneof(oneSeat, someSeats),
      userId: fc.constantFrom(...users),
      orderId: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5'),
      ttlMs: fc.constantFrom(35_000, 90_000),
    }) as fc.Arbitrary<SeatCommand>,
  },
  { weight: 1, arbitrary: fc.record({ action: fc.constant('expire' as const), seatIds: oneSeat }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('decide' as const),
      // Sent concurrently.
      calls: fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(...timeSteps) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      back: fc.nat({ max: 10 }),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), knownAhead: fc.boolean() }) },
);

/** Times and epochs differ between two stores; whether a hold has an end, and when a new epoch begins, must not. */
function normalised() {
  const epochs: string[] = [];
  const nameOf = (epoch: string) => {
    if (!epochs.includes(epoch)) epochs.push(epoch);
    return `epoch ${epochs.indexOf(epoch)}`;
  };
  return {
    epoch: nameOf,
    seat: (seat: Seat) => ({ ...seat, ...(seat.expires_at !== undefined && { expires_at: 'a time' }) }),
    event: (event: SeatEvent) => ({
      ...event,
      epoch: nameOf(event.epoch),
      timestamp: 'a time',
      ...(event.expires_at !== undefined && { expires_at: 'a time' }),
    }),
  };
}

/** All replies of a store to a sequence of steps. */
async function transcript(place: StorePlace, steps: readonly Step[]): Promise<unknown[]> {
  const store = place.store(settings);
  const { epoch, seat, event } = normalised();
  let known = await opened(store);
  const said: unknown[] = [epoch(known.epoch)];
  for (const one of steps) {
    switch (one.kind) {
      case 'decide': {
        const { epoch: epochKnown, seq } = known;
        const deciding = one.calls.map((commands) => store.decide(commands, { epoch: epochKnown, seq }));
        for (const { answers, events } of await Promise.all(deciding)) {
          said.push([
            answers.map(({ refusal, refused, seats }) => [refusal, refused, seats.map(seat)]),
            events.map(event),
          ]);
        }
        break;
      }
      case 'pass':
        await place.pass(one.ms);
        break;
      case 'read': {
        const { seq } = await store.open();
        const after = { epoch: known.epoch, seq: Math.max(known.seq, seq - one.back) };
        said.push((await store.eventsAfter(after, one.limit)).events?.map(event));
        break;
      }
      case 'reopen': {
        const { seq } = await store.open();
        if (one.knownAhead) await store.eventsAfter({ epoch: known.epoch, seq: seq + 1 }, 1).catch(() => {});
        known = await store.open();
        said.push([
          epoch(known.epoch),
          known.seq,
          known.seats.map(seat),
          epoch((await store.relayedPosition())?.epoch ?? ''),
        ]);
      }
    }
  }
  const end = await store.open();
  const { events } = await store.eventsAfter(known, 10_000);
  said.push([end.seats.map(seat), events?.map(event), end.seq]);
  return said;
}

const redis = useRedis({ isEmptied: false });

test('[G1] [R19] for random commands in random order, Redis and the rules in memory give the same answers', async () => {
  let refusals = 0;
  let expiries = 0;
  let limits = 0;
  let cooldowns = 0;
  let groups = 0;
  let extensions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const places = [memoryPlace(), redisPlace(redis.server.url, redis.admin)];
      const [byRules, byRedis] = await Promise.all(places.map((place) => transcript(place, steps)));
      expect(byRedis).toEqual(byRules);
      const text = JSON.stringify(byRules);
      refusals += text.split('NOT_HOLDER').length - 1;
      expiries += text.split('expired').length - 1;
      limits += text.split('HOLD_LIMIT').length - 1;
      cooldowns += text.split('COOLDOWN').length - 1;
      groups += text.split('SEATS_TAKEN').length - 1;
      extensions += text.split('extended').length - 1;
    }),
    { numRuns: 100 },
  );
  // Otherwise the sequences are not as intended, and the agreement means little.
  expect(refusals).toBeGreaterThan(50);
  expect(expiries).toBeGreaterThan(50);
  expect(limits).toBeGreaterThan(20);
  expect(cooldowns).toBeGreaterThan(20);
  expect(groups).toBeGreaterThan(20);
  expect(extensions).toBeGreaterThan(20);
}, 120_000);
