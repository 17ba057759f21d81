import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AreaCounts } from '../../src/browser/map/area-counts.ts';
import { areasOf } from '../../src/browser/map/areas.ts';
import { allSeats, matchesFilter } from '../../src/browser/map/seat-filter.ts';
import { categoriesOf, priceRange, textColourOn } from '../../src/browser/map/seat-look.ts';
import { SeatWords } from '../../src/browser/map/seat-words.ts';
import { nearestInPlan } from '../../src/browser/nearest-in-plan.ts';
import { readShow } from '../../src/shows/read-shows.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { planDocument } from '../shows/arbitrary-plan.ts';
import { drawnHall } from '../shows/drawn-hall.ts';

const arena = readShow('shows/arena.json').plan;
const arbitraryPlan = planDocument.map((document) => new SeatingPlan(document));

test('[R553] the counts of free seats follow every change and the filter, as if they were counted again', () => {
  const change = fc.record({
    index: fc.nat(),
    isFree: fc.boolean(),
    filter: fc.constantFrom('none', 'category', 'full view'),
  });
  fc.assert(
    fc.property(arbitraryPlan, fc.array(change, { maxLength: 30 }), (plan, changes) => {
      const free = new Set<number>();
      const areas = areasOf(plan);
      const counts = new AreaCounts(plan, areas, (index) => free.has(index));
      for (const { index: any, isFree, filter: kind } of changes) {
        const index = any % plan.size;
        if (isFree) free.add(index);
        else free.delete(index);
        counts.touch(index);
        const filter = {
          ...allSeats,
          ...(kind === 'category' && { categories: new Set([plan.category(0)]) }),
          fullViewOnly: kind === 'full view',
        };
        counts.filter(filter);
        for (const [area, { start, end }] of areas.entries()) {
          const expected = [...free].filter((seat) => seat >= start && seat < end && matchesFilter(plan, seat, filter));
          expect(counts.free(area)).toBe(expected.length);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('[R553] only areas whose count has changed are drawn again', () => {
  const counts = new AreaCounts(arena, areasOf(arena), () => true);
  counts.touch(0);
  counts.touch(1);
  counts.touch(arena.size - 1);
  expect(counts.takeChanged().sort((a, b) => a - b)).toEqual([0, areasOf(arena).length - 1]);
  counts.touch(0);
  expect(counts.takeChanged()).toEqual([]);
});

describe('filters', () => {
  const { plan } = drawnHall('aco', 'ooo');
  const shown = (filter: Partial<typeof allSeats>) =>
    plan.ids.filter((_, index) => matchesFilter(plan, index, { ...allSeats, ...filter }));

  test('[R553] without a filter all seats match; the filter for wheelchair spaces includes the seats of companions', () => {
    expect(shown({})).toEqual(plan.ids);
    expect(shown({ accessibleOnly: true })).toEqual(['A1', 'A2']);
    expect(shown({ categories: new Set(['Other']) })).toEqual([]);
  });

  test('[R553] full view leaves out seats with a restricted view', () => {
    const restricted = arena.ids.filter(
      (_, index) => !matchesFilter(arena, index, { ...allSeats, fullViewOnly: true }),
    );
    expect(restricted).toHaveLength(24);
    expect(restricted).toContain('201-A1');
  });
});

describe('seats in words', () => {
  const words = new SeatWords(arena);
  const hall = drawnHall('oooo', 'oooo');
  const hallWords = new SeatWords(hall.plan);

  test('[R554] a plan of several sections names the section, one of a single section does not', () => {
    expect(words.place(arena.indexOf('101-C5') ?? -1)).toBe('Block 101, row C, seat 5');
    expect(hallWords.place(0)).toBe('Row A, seat 1');
    expect(words.flags(arena.indexOf('201-A1') ?? -1)).toBe('restricted view');
    expect(words.flags(arena.indexOf('F1-T1') ?? -1)).toBe('wheelchair space');
    expect(words.flags(arena.indexOf('101-C5') ?? -1)).toBeUndefined();
  });

  test('[R554] a list of names has each section once in a row; neighbours can be a range', () => {
    const ids = ['101-C5', '101-C6', '102-A1', '101-C7'];
    expect(words.names(ids)).toEqual(['Block 101 C5', 'C6', 'Block 102 A1', 'Block 101 C7']);
    expect(words.ranges(ids)).toBe('Block 101 C5–C7 and Block 102 A1');
    expect(hallWords.ranges(['B2', 'A4', 'B1'])).toBe('A4 and B1–B2');
    expect(words.names(['unknown'])).toEqual(['unknown']);
  });
});

describe('the seat that is offered in place of a taken one', () => {
  test('[R114] it is near, and of the same category if possible', () => {
    const isFree = (id: string) => ['101-D5', '201-A5', '111-R7'].includes(id);
    expect(nearestInPlan(arena, isFree, { id: '101-C5' })).toBe('101-D5');
    expect(nearestInPlan(arena, (id) => id === '201-A5' || id === '111-R7', { id: '101-R7' })).toBe('111-R7');
    expect(nearestInPlan(arena, () => false, { id: '101-C5' })).toBeUndefined();
  });

  test('[R114] wheelchair spaces are offered only in place of such a space', () => {
    const { plan, isFree } = drawnHall('oacx', 'xxxo');
    expect(nearestInPlan(plan, isFree, { id: 'A4' })).toBe('B4');
    expect(nearestInPlan(plan, isFree, { id: 'A2' })).toBe('A3');
  });
});

test('[R1080] the price range of seats is that of all their categories, also if they differ within a row', () => {
  const seat = (number: number, category: string) => ({
    id: `A${number}`,
    label: `${number}`,
    x: number,
    y: 0,
    category,
  });
  const row = { label: 'A', category: 'Front', seats: [seat(1, 'Front'), seat(2, 'Side'), seat(3, 'Front')] };
  const plan = new SeatingPlan({ focal_point: { x: 0, y: 0 }, sections: [{ name: 'Hall', rows: [row] }] });
  const priced = (name: string, amount: number) => ({ name, colour: '#000000', prices: new Map([['adult', amount]]) });
  const categories = new Map([
    ['Front', priced('Front', 45)],
    ['Side', priced('Side', 10)],
  ]);
  const range = (start: number, end: number) => priceRange(categoriesOf(plan, { start, end }), { categories }, String);
  expect([range(0, 3), range(0, 1), range(1, 2)]).toEqual(['10 – 45', '45', '10']);
});

test('[R565] the number of a seat has a contrast of at least 4.5 on every colour', () => {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const hex = fc.nat(255).map((part) => part.toString(16).padStart(2, '0'));
  fc.assert(
    fc.property(fc.tuple(hex, hex, hex), (parts) => {
      const colour = `#${parts.join('')}`;
      const [dark = 0, light = 0] = [luminance(colour), luminance(textColourOn(colour))].sort((a, b) => a - b);
      expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(4.5);
    }),
  );
});
