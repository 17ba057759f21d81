import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { leavesSingleSeat } from '../../src/shows/single-seats.ts';
import { planWithFreeSeats, seatsOf } from './arbitrary-plan.ts';
import { drawnHall } from './drawn-hall.ts';
import { HallModel } from './hall-model.ts';

const judged = (hall: ReturnType<typeof drawnHall>, ...chosen: string[]) =>
  leavesSingleSeat(hall.plan, hall.isFree, chosen);

describe('seats picked by hand', () => {
  test('[R545] that leave a single seat get a better offer in the same row', () => {
    expect(judged(drawnHall('ooooo'), 'A2', 'A3')).toEqual({ left: ['A1'], instead: ['A1', 'A2'] });
    expect(judged(drawnHall('xooooox'), 'A3', 'A4')).toEqual({ left: ['A2'], instead: ['A2', 'A3'] });
    expect(judged(drawnHall('ooo_ooo'), 'A3', 'A4')).toBeUndefined();
  });

  test('[R545] are moved no further than needed', () => {
    expect(judged(drawnHall('oooooooooo'), 'A9')).toEqual({ left: ['A10'], instead: ['A8'] });
  });

  test('[R545] are judged together: the single seat between two blocks counts', () => {
    expect(judged(drawnHall('ooooo'), 'A1', 'A2', 'A4', 'A5')?.left).toEqual(['A3']);
    expect(judged(drawnHall('ooxoo'), 'A1', 'A4')).toEqual({ left: ['A2', 'A5'], instead: ['A4', 'A5'] });
  });

  test('[R545] are fine if nothing better is possible or nobody is left alone', () => {
    expect(judged(drawnHall('ooox'), 'A1', 'A2')).toEqual({ left: ['A3'], instead: undefined });
    expect(judged(drawnHall('oooo'), 'A1', 'A2')).toBeUndefined();
    expect(judged(drawnHall('oxox'), 'A1')).toBeUndefined();
    expect(judged(drawnHall('acoo'), 'A1')).toBeUndefined();
  });

  test('[R545] may be held by the user already', () => {
    const hall = drawnHall('xxooo');
    expect(leavesSingleSeat(hall.plan, hall.isFree, ['A1', 'A2', 'A4'])?.left).toEqual(['A3', 'A5']);
  });

  test('[R545] leave what trying every place in the row finds', () => {
    const choice = planWithFreeSeats.chain(({ document, free }) => {
      const ids = seatsOf(document).map(({ id }) => id);
      return fc.record({
        document: fc.constant(document),
        free: fc.constant(free),
        chosen: fc.subarray(ids, { minLength: 1, maxLength: Math.min(4, ids.length) }),
      });
    });
    fc.assert(
      fc.property(choice, ({ document, free, chosen }) => {
        const plan = new SeatingPlan(document);
        const result = leavesSingleSeat(plan, (id) => free.has(id), chosen);
        const model = new HallModel(document, new Set([...free, ...chosen]));
        expect(new Set(result?.left ?? [])).toEqual(new Set(model.singlesAfter(chosen)));
        if (!result?.instead) return;
        const rows = (ids: readonly string[]) => ids.map((id) => plan.rowOf(plan.indexOf(id) as number)).sort();
        expect(rows(result.instead)).toEqual(rows(chosen));
        expect(new Set(result.instead).size).toBe(chosen.length);
        expect(result.instead.every((id) => free.has(id) || chosen.includes(id))).toBe(true);
        expect(model.singlesAfter(result.instead).length).toBeLessThan(result.left.length);
      }),
      { numRuns: 1_000 },
    );
  });

  test('[R545] of one block are moved to the nearest place in the row that leaves the fewest', () => {
    const choice = planWithFreeSeats.chain(({ document, free }) =>
      fc.record({
        document: fc.constant(document),
        free: fc.constant(free),
        chosen: fc.constantFrom(
          ...new HallModel(document, new Set(seatsOf(document).map(({ id }) => id))).ordinaryBlocks(),
        ),
      }),
    );
    fc.assert(
      fc.property(choice, ({ document, free, chosen }) => {
        const model = new HallModel(document, new Set([...free, ...chosen]));
        const left = model.singlesAfter(chosen).length;
        const result = leavesSingleSeat(new SeatingPlan(document), (id) => free.has(id), chosen);
        const fewest = Math.min(left, ...model.sameRowPlaces(chosen).map((ids) => model.singlesAfter(ids).length));
        expect(result?.instead === undefined).toBe(fewest === left);
        if (result?.instead) expect(model.singlesAfter(result.instead)).toHaveLength(fewest);
      }),
      { numRuns: 1_000 },
    );
  });
});
