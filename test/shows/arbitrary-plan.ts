import fc from 'fast-check';
import { rowLabel } from '../../src/protocol/seat-id.ts';
import type { PlanDocument, PlanSeat, SeatFlag } from '../../src/shows/plan-document.ts';

const categories = ['Front', 'Rear'];

const seat = fc.record({
  gap: fc.oneof({ weight: 5, arbitrary: fc.constant(20) }, { weight: 1, arbitrary: fc.constantFrom(28, 45, 90) }),
  category: fc.option(fc.constantFrom(...categories), { nil: undefined, freq: 3 }),
  flags: fc.oneof(
    { weight: 5, arbitrary: fc.constant<SeatFlag[]>([]) },
    { weight: 3, arbitrary: fc.constantFrom<SeatFlag[]>(['accessible'], ['companion'], ['restricted-view']) },
  ),
  isAisle: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const row = fc.record({
  category: fc.constantFrom(...categories),
  indent: fc.constantFrom(0, 10, 40),
  seats: fc.array(seat, { minLength: 1, maxLength: 8 }),
});

/** Small plans with all features of plans. */
export const planDocument: fc.Arbitrary<PlanDocument> = fc
  .record({
    focalX: fc.integer({ min: 0, max: 200 }),
    sections: fc.array(fc.array(row, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }),
  })
  .map(({ focalX, sections }) => ({
    focal_point: { x: focalX, y: 0 },
    sections: sections.map((rows, s) => ({
      name: `Section ${s + 1}`,
      rows: rows.map(({ category, indent, seats }, r) => {
        let x = indent;
        return {
          label: rowLabel(r),
          category,
          seats: seats.map((each, i): PlanSeat => {
            x += each.gap;
            return {
              id: `${s + 1}-${rowLabel(r)}${i + 1}`,
              label: String(i + 1),
              x,
              y: 60 + 300 * s + 24 * r,
              ...(each.category !== undefined && { category: each.category }),
              ...(each.flags.length > 0 && { flags: each.flags }),
              ...(each.isAisle && { aisle_after: true }),
            };
          }),
        };
      }),
    })),
  }));

export const seatsOf = ({ sections }: PlanDocument): PlanSeat[] =>
  sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats));

/** A plan, and which of its seats are free. */
export const planWithFreeSeats = planDocument.chain((document) => {
  const ids = seatsOf(document).map(({ id }) => id);
  return fc.record({ document: fc.constant(document), free: fc.subarray(ids).map((some) => new Set(some)) });
});
