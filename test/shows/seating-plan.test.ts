import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seatId } from '../../src/protocol/seat-id.ts';
import { defaultShow, gridPlan } from '../../src/shows/default-show.ts';
import { generatePlan } from '../../src/shows/generate-plan.ts';
import { completeLayout } from '../../src/shows/layout.ts';
import type { PlanDocument } from '../../src/shows/plan-document.ts';
import { planHash } from '../../src/shows/plan-hash.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';
import { planDocument, seatsOf } from './arbitrary-plan.ts';
import { drawnHall } from './drawn-hall.ts';

/** The same JSON with the keys of every object in the opposite order. */
function withReversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReversedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, withReversedKeys(inner)]),
  );
}

describe('seating plan', () => {
  test('[R500] the default show has rows A, B … and seats that count from 1, in row-major order', () => {
    for (const { rows, cols } of [
      { rows: 10, cols: 10 },
      { rows: 30, cols: 3 },
    ]) {
      const { plan } = defaultShow({ rows, cols });
      const expected = Array.from({ length: rows * cols }, (_, i) => {
        const [row, col] = [Math.floor(i / cols), i % cols];
        return { id: seatId(row, col), row, col };
      });
      expect([...plan.seats()]).toEqual(expected);
      expect(plan.ids.map((_, index) => [plan.rowOf(index), plan.colOf(index)])).toEqual(
        expected.map(({ row, col }) => [row, col]),
      );
      for (const seat of expected) expect(plan.seat(seat.id)).toEqual(seat);
    }
    expect(gridPlan({ rows: 30, cols: 3 }).ids.slice(-1)).toEqual(['AD3']);
  });

  test('[R500] a plan returns the document that it was made from', () => {
    fc.assert(
      fc.property(planDocument, (document) => {
        const plan = new SeatingPlan(document);
        const seats = document.sections.flatMap(({ name, rows }) =>
          rows.flatMap(({ label, category, seats: inRow }) =>
            inRow.map((seat) => ({ category, ...seat, place: `${name}, row ${label}, seat ${seat.label}` })),
          ),
        );
        expect(plan.size).toBe(seats.length);
        for (const [index, seat] of seats.entries()) {
          expect(plan.indexOf(seat.id)).toBe(index);
          expect([plan.id(index), plan.x(index), plan.y(index)]).toEqual([seat.id, seat.x, seat.y]);
          expect([plan.category(index), plan.flags(index)]).toEqual([seat.category, seat.flags ?? []]);
          expect(plan.describe(index)).toBe(seat.place);
        }
        expect(new SeatingPlan(plan.toDocument()).toDocument()).toEqual(plan.toDocument());
      }),
    );
  });

  test('[R500] a seat that is not in the plan has no index, and two seats cannot have one id', () => {
    const { plan } = defaultShow();
    expect(plan.indexOf('K1')).toBeUndefined();
    expect(() => plan.id(100)).toThrow(RangeError);
    const document = plan.toDocument();
    for (const seat of seatsOf(document).slice(0, 2)) seat.id = 'A1';
    expect(() => new SeatingPlan(document)).toThrow('Two seats of the plan have one id');
  });

  test('[R501] the hash does not depend on how a plan is written', () => {
    fc.assert(
      fc.property(planDocument, (document) => {
        const plan = new SeatingPlan(document);
        expect(planHash(new SeatingPlan(withReversedKeys(document) as PlanDocument))).toBe(planHash(plan));
        expect(planHash(new SeatingPlan(plan.toDocument()))).toBe(planHash(plan));
      }),
    );
    expect(planHash(defaultShow().plan)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('[R501] the hash is SHA-256 of canonical JSON, so that others can check it', () => {
    const json =
      '{"focal_point":{"x":0,"y":0},"sections":[{"name":"Hall","rows":[{"category":"All","label":"A","seats":[{"id":"A1","label":"1","x":2.5,"y":60}]}]}]}';
    const hash = createHash('sha256').update(json).digest('hex');
    expect(planHash(new SeatingPlan(JSON.parse(json)))).toBe(hash);
  });

  test('[R501] the hash changes with everything about a seat', () => {
    const hashWith = (change: (document: PlanDocument) => void) => {
      const document = defaultShow().plan.toDocument();
      change(document);
      return planHash(new SeatingPlan(document));
    };
    const changeFirst = (change: object) =>
      hashWith((document) => Object.assign(seatsOf(document)[0] as object, change));
    const hashes = [
      hashWith(() => {}),
      hashWith((document) => Object.assign(document.focal_point, { x: 1 })),
      hashWith((document) => Object.assign(document.sections[0] as object, { name: 'Balcony' })),
      hashWith((document) => document.sections[0]?.rows[0]?.seats.reverse()),
      ...[{ id: 'Z1' }, { label: 'Z' }, { x: 1 }, { y: 61 }, { category: 'Other' }, { aisle_after: true }].map(
        changeFirst,
      ),
      changeFirst({ flags: ['accessible'] }),
      changeFirst({ flags: ['companion'] }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('[R502] neighbours are in one row and not across an aisle', () => {
    const { plan } = drawnHall('oo_o|oo', 'ooo');
    const pairs = [...plan.ids].filter((_, index) => plan.hasRightNeighbour(index));
    expect(pairs).toEqual(['A1', 'A4', 'B1', 'B2']);
  });
});

describe('layout', () => {
  const planOf = (section: object, layout: object = {}) =>
    generatePlan(
      completeLayout({ ...layout, sections: [{ name: 'Hall', rows: 2, seats: 3, category: 'All', ...section }] }),
    );
  const distance = (a: { x: number; y: number }, b: { x: number; y: number }) => Math.hypot(a.x - b.x, a.y - b.y);

  test('[R503] straight rows stand in front of the focal point, centred', () => {
    const plan = planOf({ distance: 50 }, { seat_pitch: 10, row_pitch: 15 });
    expect(plan.focal_point).toEqual({ x: 10, y: 0 });
    expect(seatsOf(plan).map(({ id, x, y }) => [id, x, y])).toEqual([
      ['A1', 0, 50],
      ['A2', 10, 50],
      ['A3', 20, 50],
      ['B1', 0, 65],
      ['B2', 10, 65],
      ['B3', 20, 65],
    ]);
  });

  test('[R503] curved rows are arcs around the focal point, wherever the section is', () => {
    for (const angle of [0, -95, 180]) {
      const plan = planOf({ curved: true, distance: 300, angle, rows: 3, seats: 12 });
      for (const [row, { seats }] of (plan.sections[0]?.rows ?? []).entries()) {
        for (const seat of seats) expect(distance(seat, plan.focal_point)).toBeCloseTo(300 + 24 * row, 0);
      }
    }
  });

  test('[R503] from the focal point, seat numbers grow to the left: people who look at it count to the right', () => {
    const plan = planOf({ angle: 90, distance: 100 });
    const [first, , third] = seatsOf(plan);
    expect(first?.x).toBe(100);
    expect(third?.y).toBeLessThan(first?.y ?? 0);
  });

  test('[R503] rows grow, aisles are one seat wide, and numbers start where they should', () => {
    const plan = planOf({ seats_step: 2, aisles_after: [2], first_row: 'Z', first_seat: 11, id_prefix: 'L-' });
    expect(seatsOf(plan).map(({ id }) => id)).toEqual(
      [...'123'].map((n) => `L-Z1${n}`).concat([...'12345'].map((n) => `L-AA1${n}`)),
    );
    const [one, two, three] = seatsOf(plan);
    expect([(two?.x ?? 0) - (one?.x ?? 0), (three?.x ?? 0) - (two?.x ?? 0)]).toEqual([20, 40]);
    expect(two?.aisle_after).toBe(true);
  });

  test('[R503] ids of numbered rows are unambiguous', () => {
    const ids = seatsOf(planOf({ first_row: '1', rows: 12, seats: 12 })).map(({ id }) => id);
    expect(ids).toContain('1-12');
    expect(new Set(ids).size).toBe(144);
  });

  test('[R503] categories begin at a row, and seats have the flags of the lists', () => {
    const plan = planOf({
      category_from: { B: 'Rear' },
      accessible: ['B1'],
      companion: ['B2'],
      restricted_view: ['B1', 'A3'],
    });
    expect(plan.sections[0]?.rows.map(({ category }) => category)).toEqual(['All', 'Rear']);
    const flags = seatsOf(plan).map((seat) => seat.flags ?? []);
    expect(flags).toEqual([[], [], ['restricted-view'], ['accessible', 'restricted-view'], ['companion'], []]);
  });

  test('[R503] a repeated section differs in number and place', () => {
    const plan = planOf({
      name: 'Block {n}',
      id_prefix: '{n}-',
      repeat: { count: 3, first_number: 7, offset_step: 100 },
    });
    expect(plan.sections.map(({ name }) => name)).toEqual(['Block 7', 'Block 8', 'Block 9']);
    expect(plan.sections.map(({ rows }) => rows[0]?.seats[0]?.id)).toEqual(['7-A1', '8-A1', '9-A1']);
    expect(plan.sections.map(({ rows }) => rows[0]?.seats[0]?.x)).toEqual([0, 100, 200]);
  });
});
