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

/** Ends of the horizontal line through a closed outline at this height; of several parts the widest. undefined: it does not meet it. */
export function spanAt(points: readonly Point[], y: number): { left: number; right: number } | undefined {
  const crossings = points.flatMap((from, index) => {
    const to = points[(index + 1) % points.length] ?? from;
    if (from.y > y === to.y > y) return [];
    return from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x);
  });
  crossings.sort((a, b) => a - b);
  const spans = crossings.flatMap((left, nth) => (nth % 2 === 0 ? { left, right: crossings[nth + 1] ?? left } : []));
  return spans.toSorted((a, b) => b.right - b.left - (a.right - a.left))[0];
}

export function middleOf(points: readonly Point[]): Point {
  const sum = (of: (point: Point) => number) => points.reduce((total, point) => total + of(point), 0);
  return { x: sum(({ x }) => x) / points.length, y: sum(({ y }) => y) / points.length };
}
