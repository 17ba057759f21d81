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
    const pitch = after.sections[after.sectionOf(to)]?.pitch ?? 0;
    return { id, from, to, dx: after.x(to) - before.x(from), dy: after.y(to) - before.y(from), pitch };
  });
  const whole = shiftOfDrawing(shifts);
  return shifts.flatMap((shift): Change[] => {
    const { id, from, to } = shift;
    const names = changeOf(id, before.describe(from), after.describe(to));
    if (names.length > 0) return names;
    if (isSameSpot(shift, whole)) return [];
    const place = (x: number, y: number) => `x ${x}, y ${y}`;
    const newPlace = place(after.x(to) - whole.dx, after.y(to) - whole.dy);
    return [{ of: id, from: place(before.x(from), before.y(from)), to: newPlace }];
  });
}

/** In units of the plan. */
interface Shift {
  dx: number;
  dy: number;
}

type SeatShift = Shift & { pitch: number };

/** A section more to the left shifts the whole drawing, but moves no seat. None if at least as many seats stay without one. */
function shiftOfDrawing(shifts: readonly SeatShift[]): Shift {
  const none = { dx: 0, dy: 0 };
  const usual = { dx: median(shifts.map(({ dx }) => dx)), dy: median(shifts.map(({ dy }) => dy)) };
  const staying = (whole: Shift) => shifts.filter((shift) => isSameSpot(shift, whole)).length;
  return staying(usual) > staying(none) ? usual : none;
}

const isSameSpot = ({ dx, dy, pitch }: SeatShift, whole: Shift): boolean =>
  Math.hypot(dx - whole.dx, dy - whole.dy) <= sameSpotPitches * pitch;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
