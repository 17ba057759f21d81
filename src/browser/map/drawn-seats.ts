import type { SeatingPlan } from '../../shows/seating-plan.ts';
import type { Area } from './areas.ts';

const usualPitch = 20;

/** Where seats are drawn: in seat pitches, from the upper left corner of the drawing. */
export interface DrawnSeats {
  /** Index of the first seat; `x[0]` is its place. */
  readonly start: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: number;
  readonly height: number;
  /** The focal point. It may be outside of the drawing. */
  readonly focal: { x: number; y: number };
}

/** The seats of an area as the audience faces the stage: rows run from left to right, the front row is at the top. */
export function drawnUpright(plan: SeatingPlan, area: Area): DrawnSeats {
  const rows = plan.rows.slice(area.firstRow, area.endRow);
  let [dx, dy] = [0, 0];
  for (const { start, end } of rows) {
    dx += plan.x(end - 1) - plan.x(start);
    dy += plan.y(end - 1) - plan.y(start);
  }
  const angle = dx === 0 && dy === 0 ? 0 : Math.atan2(dy, dx);
  const turned = turnedSeats(plan, area, -angle);
  return isFrontBelow(turned, rows) ? turnedSeats(plan, area, Math.PI - angle) : turned;
}

/** Seats as they are in the plan. */
export function drawnInPlace(plan: SeatingPlan, seats: Pick<Area, 'start' | 'end'>): DrawnSeats {
  return turnedSeats(plan, seats, 0);
}

function turnedSeats(plan: SeatingPlan, { start, end }: Pick<Area, 'start' | 'end'>, angle: number): DrawnSeats {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const pitches = plan.sections.slice(plan.sectionOf(start), plan.sectionOf(end - 1) + 1).map(({ pitch }) => pitch);
  // Sections of single seats have no pitch.
  const known = pitches.filter((pitch) => pitch > 0);
  const pitch = known.length > 0 ? Math.min(...known) : usualPitch;
  const turn = (x: number, y: number) => [(x * cos - y * sin) / pitch, (x * sin + y * cos) / pitch] as const;
  const x = new Float64Array(end - start);
  const y = new Float64Array(end - start);
  for (let i = 0; i < x.length; i++) [x[i], y[i]] = turn(plan.x(start + i), plan.y(start + i));
  const [left, top] = [leastOf(x), leastOf(y)];
  const [focalX, focalY] = turn(plan.focalPoint.x, plan.focalPoint.y);
  for (let i = 0; i < x.length; i++) {
    x[i] = (x[i] as number) - left;
    y[i] = (y[i] as number) - top;
  }
  return {
    start,
    x,
    y,
    width: greatestOf(x) + 1,
    height: greatestOf(y) + 1,
    focal: { x: focalX - left, y: focalY - top },
  };
}

/** Of several rows the last is behind the first; a single row faces the focal point. */
function isFrontBelow({ y, start, focal }: DrawnSeats, rows: SeatingPlan['rows']): boolean {
  const meanY = ({ start: from, end: to }: { start: number; end: number }) =>
    y.subarray(from - start, to - start).reduce((sum, each) => sum + each, 0) / (to - from);
  const [front, rear] = [rows[0], rows.at(-1)];
  if (!front || !rear) return false;
  return front === rear ? focal.y > meanY(front) : meanY(front) > meanY(rear);
}

const leastOf = (values: Float64Array): number => values.reduce((least, value) => Math.min(least, value), Infinity);
const greatestOf = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, value), 0);
