import type { SeatingPlan } from './seating-plan.ts';

export interface Change {
  /** A seat's id, "Front, adult", or the name of a fact of the show. */
  of: string;
  from: string;
  to: string;
}

/** The changes in a new version of a plan. A seat that is held or sold may be neither removed nor moved. */
export interface PlanChanges {
  /** Ids of seats. */
  added: string[];
  removed: string[];
  /** Another section, row or label, or another place by half a seat or more. */
  moved: Change[];
  recategorised: Change[];
  reflagged: Change[];
}

/** Seats that stay within this part of the usual distance between neighbours have not moved. */
const sameSpotPitches = 0.5;

export function planChanges(before: SeatingPlan, after: SeatingPlan): PlanChanges {
  const kept = after.ids.filter((id) => before.indexOf(id) !== undefined);
  const seatChanges = (text: (plan: SeatingPlan, index: number) => string): Change[] =>
    kept.flatMap((id) => changeOf(id, textAt(before, id, text), textAt(after, id, text)));
  return {
    added: after.ids.filter((id) => before.indexOf(id) === undefined),
    removed: before.ids.filter((id) => after.indexOf(id) === undefined),
    moved: movedSeats(before, after, kept),
    recategorised: seatChanges((plan, index) => plan.category(index)),
    reflagged: seatChanges((plan, index) => plan.flags(index).join(', ') || 'no flags'),
  };
}

const textAt = (plan: SeatingPlan, id: string, text: (plan: SeatingPlan, index: number) => string): string =>
  text(plan, plan.indexOf(id) as number);

export const changeOf = (of: string, from: string, to: string): Change[] => (from === to ? [] : [{ of, from, to }]);

function movedSeats(before: SeatingPlan, after: SeatingPlan, kept: readonly string[]): Change[] {
  const shifts = kept.map((id) => {
    const [from, to] = [before.indexOf(id) as number, after.indexOf(id) as number];
    return { id, from, to, dx: after.x(to) - before.x(from), dy: after.y(to) - before.y(from) };
  });
  // A section more to the left shifts the whole drawing, but moves no seat.
  const dx = median(shifts.map((shift) => shift.dx));
  const dy = median(shifts.map((shift) => shift.dy));
  return shifts.flatMap((shift): Change[] => {
    const { id, from, to } = shift;
    const names = changeOf(id, before.describe(from), after.describe(to));
    if (names.length > 0) return names;
    const pitch = after.sections[after.sectionOf(to)]?.pitch ?? 0;
    const isSameSpot = Math.hypot(shift.dx - dx, shift.dy - dy) <= sameSpotPitches * pitch;
    return isSameSpot ? [] : [{ of: id, from: placeOf(before, from), to: placeOf(after, to) }];
  });
}

const placeOf = (plan: SeatingPlan, index: number): string => `x ${plan.x(index)}, y ${plan.y(index)}`;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
