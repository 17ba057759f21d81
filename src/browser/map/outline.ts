import type { SeatingPlan } from '../../shows/seating-plan.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The border of some rows, in units of the plan: along the front row, the right ends, the rear row and the left ends. */
export function outlineOf(plan: SeatingPlan, firstRow: number, endRow: number): Point[] {
  const rows = plan.rows.slice(firstRow, endRow);
  const [front, rear] = [rows[0], rows.at(-1)];
  if (!front || !rear) return [];
  const point = (index: number): Point => ({ x: plan.x(index), y: plan.y(index) });
  const between = rows.slice(1, -1);
  return [
    ...seatsOf(front).map(point),
    ...between.map(({ end }) => point(end - 1)),
    ...(rear === front ? [] : seatsOf(rear).reverse().map(point)),
    ...between.map(({ start }) => point(start)).reverse(),
  ];
}

const seatsOf = ({ start, end }: { start: number; end: number }): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function boxOf(points: readonly Point[]): Box {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y } of points) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}
