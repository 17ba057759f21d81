import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { parseShow } from '../../src/shows/parse-show.ts';
import { fromPretix } from '../../src/shows/pretix/from-pretix.ts';
import { PretixPlan } from '../../src/shows/pretix/pretix-plan.ts';
import { toPretix } from '../../src/shows/pretix/to-pretix.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import type { Show } from '../../src/shows/show.ts';
import { ShowFileError } from '../../src/shows/show-file-error.ts';
import { planDocument, seatsOf } from './arbitrary-plan.ts';
import { spoilt } from './spoilt-json.ts';

const categories = [
  { name: 'Front', colour: '#b03a2e' },
  { name: 'Rear', colour: '#2874a6' },
];

const showWith = (plan: SeatingPlan): Show => ({
  id: 'concert',
  name: 'Concert',
  startsAtMs: 0,
  saleOpensAtMs: undefined,
  saleClosesAtMs: undefined,
  categories,
  pricing: undefined,
  maxHolds: undefined,
  holdTtlMs: undefined,
  singleSeats: 'warn',
  plan,
});

const at = (x: number, y: number) => ({ x, y });
const seat = (guid: string, number: string, x: number, category = 'Stalls') => ({
  seat_guid: guid,
  seat_number: number,
  position: at(x, 0),
  category,
});

/** As pretix's editor writes it: positions relative to row and zone, UUIDs, a row in two parts, and things that are not used. */
const drawn: PretixPlan & object = {
  name: 'Town hall',
  size: { width: 500, height: 400 },
  categories: [{ name: 'Stalls', color: '#7eb6ff' }, { name: 'Balcony' }],
  zones: [
    {
      name: 'Ground floor',
      position: at(100, 50),
      areas: [
        {
          shape: 'rectangle',
          position: at(10, -40),
          rectangle: { width: 80, height: 20 },
          text: { text: 'STAGE', position: at(40, 10) },
        },
      ],
      rows: [
        {
          row_number: 'A',
          position: at(60, 0),
          seats: [seat('9fd3c2a1-0b7e-4c55-8d2e-0123456789ab', '3', 0), seat('A-4', '4', 25)],
        },
        { row_number: 'A', position: at(0, 0), seats: [seat('A.1', '1', 0), seat('A 2', '2', 25)] },
        { row_number: 'B', position: at(0, 30), seats: [seat('B1', '1', 0), seat('B1', '1', 25, '')] },
        { row_number: 'C', position: at(0, 60), seats: [] },
      ],
    },
    { position: at(0, 300), rows: [{ row_number: '', seats: [seat('', '', 10, 'Balcony')] }] },
  ],
};

describe('seating plans of pretix', () => {
  test('[R530] a plan that is exported and imported keeps everything that the format can carry', () => {
    fc.assert(
      fc.property(planDocument, (document) => {
        const imported = fromPretix(toPretix(showWith(new SeatingPlan(document))));
        for (const each of seatsOf(document)) {
          delete each.flags;
          delete each.aisle_after;
        }
        expect(new SeatingPlan(imported.plan).toDocument()).toEqual(new SeatingPlan(document).toDocument());
        expect([imported.name, imported.categories, imported.changedIds]).toEqual(['Concert', categories, 0]);
      }),
    );
  });

  test('[R531] positions become absolute, parts of a row one row, and the stage the focal point', () => {
    const { plan } = fromPretix(drawn);
    expect(plan.focal_point).toEqual({ x: 150, y: 20 });
    const [ground, second] = plan.sections;
    expect([ground?.name, second?.name]).toEqual(['Ground floor', 'Section 2']);
    expect(ground?.rows.map(({ label }) => label)).toEqual(['A', 'B']);
    expect(ground?.rows[0]?.seats.map(({ label, x, y }) => [label, x, y])).toEqual([
      ['1', 100, 50],
      ['2', 125, 50],
      ['3', 160, 50],
      ['4', 185, 50],
    ]);
  });

  test('[R531] ids, labels and categories become valid and unique, and the result is a show', () => {
    const { plan, categories: imported, name, changedIds } = fromPretix(drawn);
    const ids = seatsOf(plan).map(({ id }) => id);
    expect(ids).toEqual(['A-1', 'A-2', '9fd3c2a10b7e4c558d2e0123456789ab', 'A-4', 'B1', 'S6', 'S7']);
    expect(changedIds).toBe(5);
    expect(plan.sections[0]?.rows[1]?.seats.map(({ label, category }) => [label, category])).toEqual([
      ['1', 'Stalls'],
      ['1 (2)', 'Standard'],
    ]);
    expect(imported.map((category) => category.name)).toEqual(['Stalls', 'Balcony', 'Standard']);
    expect(imported[0]?.colour).toBe('#7eb6ff');
    const file = { name, starts_at: '2030-01-01T20:00:00Z', categories: imported, plan };
    expect(parseShow('town-hall', JSON.stringify(file), 'town-hall.json').plan.size).toBe(7);
  });

  test('[R531] without a stage, the focal point is the middle of the front', () => {
    const zones = drawn.zones.map((zone) => ({ ...zone, areas: [] }));
    expect(fromPretix({ ...drawn, zones }).plan.focal_point).toEqual({ x: (10 + 185) / 2, y: 50 });
  });

  test('[R531] a turned stage and negative positions keep their place relative to the seats', () => {
    const [zone] = drawn.zones;
    const stage = {
      shape: 'rectangle',
      rotation: 90,
      position: at(0, 0),
      rectangle: { width: 80, height: 20 },
      text: { text: 'Bühne', position: at(0, 0) },
    };
    const { plan } = fromPretix({
      ...drawn,
      zones: [{ ...zone, position: at(-200, -100), areas: [stage], rows: zone?.rows.slice(0, 1) ?? [] }],
    });
    const [first] = seatsOf(plan);
    expect([(first?.x ?? 0) - plan.focal_point.x, (first?.y ?? 0) - plan.focal_point.y].map(Math.round)).toEqual([
      70, -40,
    ]);
    expect(Math.min(plan.focal_point.x, ...seatsOf(plan).map(({ x }) => x))).toBeGreaterThanOrEqual(0);
  });

  test('[R531] whatever a plan contains, it becomes a show or an error', () => {
    const validator = Compile(PretixPlan);
    fc.assert(
      fc.property(spoilt(drawn), (plan) => {
        if (!validator.Check(plan)) return;
        const imported = fromPretix(plan);
        const file = {
          name: imported.name,
          starts_at: '2030-01-01T20:00:00Z',
          categories: imported.categories,
          plan: imported.plan,
        };
        try {
          expect(parseShow('hall', JSON.stringify(file), 'hall.json').plan.size).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ShowFileError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('[R530] the export has the size of the plan, and pretix finds nothing unknown in it', () => {
    const { plan } = fromPretix(drawn);
    const exported = toPretix(showWith(new SeatingPlan(plan)));
    expect(exported.size).toEqual({ width: 205, height: 320 });
    expect(Object.keys(exported).sort()).toEqual(['categories', 'name', 'size', 'zones']);
    expect(Object.keys(exported.zones[0] as object).sort()).toEqual(['areas', 'name', 'position', 'rows']);
    const [row] = exported.zones[0]?.rows ?? [];
    expect(Object.keys(row as object).sort()).toEqual(['position', 'row_number', 'row_number_position', 'seats']);
    expect(Object.keys(row?.seats[0] as object).sort()).toEqual(['category', 'position', 'seat_guid', 'seat_number']);
  });
});
