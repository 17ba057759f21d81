import { rowLabel } from '../../src/protocol/seat-id.ts';
import type { PlanDocument, PlanSeat } from '../../src/shows/plan-document.ts';
import { SeatingPlan } from '../../src/shows/seating-plan.ts';

const pitch = 20;
const rowPitch = 24;

export interface DrawnHall {
  plan: SeatingPlan;
  isFree: (id: string) => boolean;
}

/**
 * A hall of one section, a text per row from the front: `o` free seat, `x` taken, `a` free accessible, `c` free companion,
 * `_` an aisle one seat wide, `|` an aisle without width. Seats are A1, A2 … in the first row. The stage is above the middle.
 */
export function drawnHall(...rows: string[]): DrawnHall {
  const free = new Set<string>();
  const width = Math.max(...rows.map((row) => row.replaceAll('|', '').length));
  const document: PlanDocument = {
    focal_point: { x: ((width - 1) * pitch) / 2, y: 0 },
    sections: [
      {
        name: 'Hall',
        rows: rows.map((row, r) => ({ label: rowLabel(r), category: 'Standard', seats: seatsOf(row, r, free) })),
      },
    ],
  };
  return { plan: new SeatingPlan(document), isFree: (id) => free.has(id) };
}

function seatsOf(drawing: string, row: number, free: Set<string>): PlanSeat[] {
  const seats: PlanSeat[] = [];
  let place = 0;
  for (const char of drawing) {
    const last = seats.at(-1);
    if (char === '|' && last) last.aisle_after = true;
    if (char === '|') continue;
    if (char !== '_') {
      const label = String(seats.length + 1);
      const seat: PlanSeat = { id: `${rowLabel(row)}${label}`, label, x: place * pitch, y: (row + 1) * rowPitch };
      if (char === 'a') seat.flags = ['accessible'];
      if (char === 'c') seat.flags = ['companion'];
      if (char !== 'x') free.add(seat.id);
      seats.push(seat);
    }
    place++;
  }
  return seats;
}
