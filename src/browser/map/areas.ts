import type { SeatingPlan } from '../../shows/seating-plan.ts';

/** The largest number of buttons that a page draws without losing a frame. */
const seatsAtMost = 800;

/** A part of the plan that opens as one: a section, or some rows of a large section. */
export interface Area {
  readonly name: string;
  /** Indexes of its first row, and of the row after its last. */
  readonly firstRow: number;
  readonly endRow: number;
  /** Indexes of its first seat, and of the seat after its last. */
  readonly start: number;
  readonly end: number;
}

/** All areas, in the order of the plan. */
export function areasOf({ sections, rows }: SeatingPlan): Area[] {
  return sections.flatMap(({ name }, section) => {
    const firstRow = rows.findIndex((row) => row.section === section);
    const endRow = rows.findLastIndex((row) => row.section === section) + 1;
    const seats = endRow > 0 ? (rows[endRow - 1]?.end ?? 0) - (rows[firstRow]?.start ?? 0) : 0;
    const parts = Math.ceil(seats / seatsAtMost);
    const rowsPerPart = Math.ceil((endRow - firstRow) / parts);
    return Array.from({ length: Math.ceil((endRow - firstRow) / rowsPerPart) }, (_, part) => {
      const first = firstRow + part * rowsPerPart;
      const end = Math.min(endRow, first + rowsPerPart);
      const isWhole = end - first === endRow - firstRow;
      const [from, to] = [rows[first], rows[end - 1]];
      return {
        name: isWhole ? name : `${name}, rows ${from?.label}–${to?.label}`,
        firstRow: first,
        endRow: end,
        start: from?.start ?? 0,
        end: to?.end ?? 0,
      };
    });
  });
}

/** Index of the area of each seat. */
export function areaOfSeats(areas: readonly Area[], size: number): Uint16Array {
  const areaOf = new Uint16Array(size);
  for (const [area, { start, end }] of areas.entries()) areaOf.fill(area, start, end);
  return areaOf;
}
