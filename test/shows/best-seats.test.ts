import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BestRequest, bestSeats } from '../../src/shows/best-seats.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { planWithFreeSeats } from './arbitrary-plan.ts';
import { drawnHall } from './drawn-hall.ts';
import { HallModel, type Placing } from './hall-model.ts';

const compareRanks = (a: Placing, b: Placing): number => {
  const i = a.rank.findIndex((digit, at) => digit !== b.rank[at]);
  return i < 0 ? 0 : (a.rank[i] as number) - (b.rank[i] as number);
};

function bestOf(placings: readonly Placing[]): Placing[] {
  const sorted = placings.toSorted(compareRanks);
  return sorted.filter((placing) => compareRanks(placing, sorted[0] as Placing) === 0);
}

const seats = (hall: ReturnType<typeof drawnHall>, request: BestRequest, seed = 1) =>
  bestSeats(hall.plan, hall.isFree, request, seed)?.seats;

const request: fc.Arbitrary<BestRequest> = fc.record(
  {
    count: fc.integer({ min: 1, max: 6 }),
    category: fc.constantFrom('Front', 'Rear'),
    section: fc.constantFrom('Section 1', 'Section 2'),
    accessible: fc.boolean(),
  },
  { requiredKeys: ['count'] },
);

describe('best available seats', () => {
  test('[R540] are as good as the best that trying every placing finds', () => {
    fc.assert(
      fc.property(planWithFreeSeats, request, fc.integer(), ({ document, free }, wanted, seed) => {
        const offer = bestSeats(new SeatingPlan(document), (id) => free.has(id), wanted, seed);
        const best = bestOf(new HallModel(document, free).placings(wanted)).map(({ ids }) => ids);
        if (best.length === 0) expect(offer).toBeUndefined();
        else expect(best).toContainEqual(offer?.seats);
      }),
      { numRuns: 1_000 },
    );
  });

  test('[R540] are the nearest to the stage', () => {
    expect(seats(drawnHall('xxxxxx', 'xooooo', 'oooooo'), { count: 5 })).toEqual(['B2', 'B3', 'B4', 'B5', 'B6']);
  });

  test('[R540] leave no single seat, even if the group then sits further away', () => {
    const hall = drawnHall('oooxxx', 'oooooo');
    expect(seats(hall, { count: 2 })?.every((id) => id.startsWith('B'))).toBe(true);
  });

  test('[R540] leave one if the group cannot sit together otherwise', () => {
    expect(seats(drawnHall('oooxxx', 'xxxxxx'), { count: 2 })).toHaveLength(2);
    expect(bestSeats(drawnHall('oooxxx').plan, () => true, { count: 2 }, 1)?.isSplit).toBe(false);
  });

  test('[R540] are not on both sides of an aisle', () => {
    for (const aisle of ['_', '|']) {
      const offer = bestSeats(...at(drawnHall(`ooo${aisle}ooo`, `xxo${aisle}ooo`)), { count: 4 }, 1);
      expect(offer?.isSplit).toBe(true);
    }
  });

  test('[R541] are in two parts if they must: two and two rather than three and one, and near each other', () => {
    const hall = drawnHall('ooxxxxxxxxxxxxxxxxxxoox', 'ooxxxxxxxxxxxxxxxxxxxxx', 'xxxxxxxxxxooxxxxxxxxxxx');
    expect(seats(hall, { count: 4 })).toEqual(['A1', 'A2', 'B1', 'B2']);
    expect(seats(drawnHall('oooxoxxooo'), { count: 4 })?.toSorted()).not.toContain('A5');
  });

  test('[R541] are not in parts more than two rows apart', () => {
    expect(seats(drawnHall('oox', 'xxx', 'oox'), { count: 4 })).toHaveLength(4);
    expect(seats(drawnHall('oox', 'xxx', 'xxx', 'oox'), { count: 4 })).toBeUndefined();
  });

  test('[R542] of accessible and companion seats are offered only on request', () => {
    expect(seats(drawnHall('acca'), { count: 1 })).toBeUndefined();
    expect(seats(drawnHall('acoo'), { count: 2 })).toEqual(['A3', 'A4']);
    expect(seats(drawnHall('acoo'), { count: 1, accessible: true })).toEqual(['A1']);
  });

  test('[R542] with an accessible one have a companion seat next to it, and no second accessible one', () => {
    expect(seats(drawnHall('aoooo', 'ooooo', 'ooooo', 'acooo'), { count: 2, accessible: true })).toEqual(['D1', 'D2']);
    expect(seats(drawnHall('acca'), { count: 2, accessible: true }, 3)).toHaveLength(2);
    expect(seats(drawnHall('acaoo'), { count: 4, accessible: true })).toEqual(['A2', 'A3', 'A4', 'A5']);
    expect(seats(drawnHall('acxxx', 'xxxoo'), { count: 4, accessible: true })).toEqual(['A1', 'A2', 'B4', 'B5']);
  });

  test('[R542] leave companion seats to others, and rather one person alone than a wheelchair user without a companion', () => {
    expect(seats(drawnHall('xxxxcacooo'), { count: 3, accessible: true })).toEqual(['A6', 'A7', 'A8']);
    const hall = drawnHall('acox', 'xxxx', 'xxxo', 'xxxx', 'xxxx', 'aoxx', 'ooxx');
    expect(seats(hall, { count: 4, accessible: true })).toEqual(['A1', 'A2', 'A3', 'C4']);
  });

  test('[R543] that are equally good are all offered, each about as often', () => {
    const { plan } = defaultShow();
    const wanted = { count: 2 };
    const equal = bestOf(new HallModel(plan.toDocument(), new Set(plan.ids)).placings(wanted)).map(({ ids }) =>
      ids.join(),
    );
    const counts = new Map(equal.map((ids) => [ids, 0]));
    const seeds = 400 * equal.length;
    for (let seed = 0; seed < seeds; seed++) {
      const ids = bestSeats(plan, () => true, wanted, seed)?.seats.join() ?? '';
      counts.set(ids, (counts.get(ids) ?? 0) + 1);
    }
    expect(equal.length).toBeGreaterThan(2);
    expect([...counts.keys()]).toEqual(equal);
    for (const count of counts.values()) expect(Math.abs(count - 400)).toBeLessThan(120); // more than 6 standard deviations
  });

  test('[R543] are the same for the same seed', () => {
    const { plan } = defaultShow();
    const offer = (seed: number) => bestSeats(plan, () => true, { count: 3 }, seed);
    expect(offer(7)).toEqual(offer(7));
  });
});

function at({ plan, isFree }: ReturnType<typeof drawnHall>) {
  return [plan, isFree] as const;
}
