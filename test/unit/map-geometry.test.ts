import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { areaOfSeats, areasOf } from '../../src/browser/map/areas.ts';
import { pointAfterKey } from '../../src/browser/map/direction.ts';
import { drawnInPlace, drawnUpright } from '../../src/browser/map/drawn-seats.ts';
import { boxOf, outlineOf } from '../../src/browser/map/outline.ts';
import { readShow } from '../../src/shows/read-shows.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { planDocument } from '../shows/arbitrary-plan.ts';
import { drawnHall } from '../shows/drawn-hall.ts';

const arena = readShow('shows/arena.json').plan;
const arbitraryPlan = planDocument.map((document) => new SeatingPlan(document));

const wholeOf = (plan: SeatingPlan) => ({
  name: '',
  firstRow: 0,
  endRow: plan.rows.length,
  start: 0,
  end: plan.size,
});

describe('areas', () => {
  test('[R550] the areas of the arena are its sections', () => {
    const areas = areasOf(arena);
    expect(areas.map(({ name }) => name)).toEqual(arena.sections.map(({ name }) => name));
    expect(areas.at(-1)?.end).toBe(arena.size);
  });

  test('[R550] a large section is divided between its rows, and each part is named by them', () => {
    const { plan } = drawnHall(...Array.from({ length: 24 }, () => 'o'.repeat(50)));
    const areas = areasOf(plan);
    expect(areas.map(({ name, start, end }) => [name, end - start])).toEqual([
      ['Hall, rows A–L', 600],
      ['Hall, rows M–X', 600],
    ]);
  });

  test('[R550] each seat is in exactly one area, in any plan', () => {
    fc.assert(
      fc.property(arbitraryPlan, (plan) => {
        const areas = areasOf(plan);
        const areaOf = areaOfSeats(areas, plan.size);
        expect(areas.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(plan.size);
        for (let index = 0; index < plan.size; index++) {
          const { start = 0, end = 0, firstRow = 0, endRow = 0 } = areas[areaOf[index] ?? -1] ?? {};
          expect(index >= start && index < end).toBe(true);
          expect(plan.rowOf(index) >= firstRow && plan.rowOf(index) < endRow).toBe(true);
        }
      }),
    );
  });
});

describe('an open area', () => {
  test('[R551] rows run from left to right and the front row is at the top, wherever the area is in the plan', () => {
    for (const area of areasOf(arena)) {
      const { x, y, start, focal } = drawnUpright(arena, area);
      const rows = arena.rows.slice(area.firstRow, area.endRow);
      const meanY = rows.map((row) => {
        const seats = y.subarray(row.start - start, row.end - start);
        return seats.reduce((sum, each) => sum + each, 0) / seats.length;
      });
      for (const [nth, row] of rows.entries()) {
        for (let seat = row.start; seat + 1 < row.end; seat++) {
          expect((x[seat + 1 - start] ?? 0) - (x[seat - start] ?? 0), `${area.name}, ${seat}`).toBeGreaterThan(0.8);
        }
        if (nth > 0) expect(meanY[nth]).toBeGreaterThan(meanY[nth - 1] ?? 0);
      }
      expect(focal.y, `${area.name}: the stage is in front`).toBeLessThan(0);
    }
  });

  test('[R551] neighbours keep their distance, and the drawing begins at its corner', () => {
    for (const area of areasOf(arena)) {
      const { x, y, width, height } = drawnUpright(arena, area);
      expect(Math.hypot((x[1] ?? 0) - (x[0] ?? 0), (y[1] ?? 0) - (y[0] ?? 0))).toBeCloseTo(1, 1);
      expect(Math.min(...x)).toBeCloseTo(0);
      expect(Math.min(...y)).toBeCloseTo(0);
      expect([width, height]).toEqual([Math.max(...x) + 1, Math.max(...y) + 1]);
    }
  });

  test('[R551] a plan of several sections keeps its seats where they are', () => {
    const chamber = readShow('shows/chamber.json').plan;
    const { x, y } = drawnInPlace(chamber, wholeOf(chamber));
    const [dx, dy] = [chamber.x(17) - chamber.x(3), chamber.y(17) - chamber.y(3)];
    expect([(x[17] ?? 0) - (x[3] ?? 0), (y[17] ?? 0) - (y[3] ?? 0)]).toEqual([
      expect.closeTo(dx / 20, 1),
      expect.closeTo(dy / 20, 1),
    ]);
  });

  test('[R551] every plan can be drawn, also with single seats', () => {
    fc.assert(
      fc.property(arbitraryPlan, (plan) => {
        for (const drawn of [
          drawnInPlace(plan, wholeOf(plan)),
          ...areasOf(plan).map((area) => drawnUpright(plan, area)),
        ]) {
          expect([...drawn.x, ...drawn.y, drawn.width, drawn.height].every(Number.isFinite)).toBe(true);
        }
      }),
    );
  });
});

test('[R551] the border of an area contains all its seats', () => {
  const [, block] = areasOf(arena).filter(({ name }) => name.startsWith('Block'));
  if (!block) throw new Error('The arena has blocks');
  const { left, right, top, bottom } = boxOf(outlineOf(arena, block.firstRow, block.endRow));
  for (let index = block.start; index < block.end; index++) {
    expect(arena.x(index)).toBeGreaterThanOrEqual(left - 20);
    expect(arena.x(index)).toBeLessThanOrEqual(right + 20);
    expect(arena.y(index)).toBeGreaterThanOrEqual(top - 20);
    expect(arena.y(index)).toBeLessThanOrEqual(bottom + 20);
  }
});

test('[R552] an arrow key leads to the nearest point in its direction, or nowhere', () => {
  //  0   1
  //    2
  //  3      4
  const points = { x: [0, 4, 2, 0, 7], y: [0, 0, 2, 4, 4] };
  const after = (key: string, from: number) => pointAfterKey(key, from, points);
  expect([after('ArrowRight', 0), after('ArrowDown', 0), after('ArrowLeft', 1), after('ArrowUp', 3)]).toEqual([
    1, 3, 0, 0,
  ]);
  expect([after('ArrowLeft', 0), after('ArrowUp', 0), after('ArrowRight', 4)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(after('Enter', 0)).toBeUndefined();
});

test('[R552] arrow keys reach every area of the arena', () => {
  const areas = areasOf(arena).map((area) => boxOf(outlineOf(arena, area.firstRow, area.endRow)));
  const points = {
    x: areas.map(({ left, right }) => (left + right) / 2),
    y: areas.map(({ top, bottom }) => (top + bottom) / 2),
  };
  const reached = new Set([0]);
  for (const from of reached) {
    for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) {
      const to = pointAfterKey(key, from, points);
      if (to !== undefined) reached.add(to);
    }
  }
  expect(reached.size).toBe(areas.length);
});
