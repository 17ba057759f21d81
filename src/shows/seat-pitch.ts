import type { Point } from './plan-document.ts';

/** The usual distance between two neighbours of these rows: the median, which aisles do not change. */
export function seatPitch(rows: readonly (readonly Point[])[]): number {
  const distances = Float64Array.from(rows.flatMap((seats) => distancesOf(seats))).sort();
  return distances[(distances.length - 1) >> 1] ?? 0;
}

function distancesOf(seats: readonly Point[]): number[] {
  return seats.slice(1).map(({ x, y }, index) => {
    const before = seats[index] as Point;
    return Math.hypot(x - before.x, y - before.y);
  });
}
