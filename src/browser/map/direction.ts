import type { Point } from './outline.ts';

const directions: Readonly<Record<string, Point>> = {
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
};

/** How much worse it is to be beside the line of the arrow than to be further along it. */
const besideWeight = 2;

/**
 * Index of the point to which an arrow key leads: the nearest one in a quarter circle around that direction. undefined:
 * there is none, or the key is no arrow.
 */
export function pointAfterKey(key: string, from: number, points: { x: ArrayLike<number>; y: ArrayLike<number> }) {
  const direction = directions[key];
  if (!direction) return undefined;
  const { x, y } = points;
  let nearest: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let to = 0; to < x.length; to++) {
    const dx = (x[to] ?? 0) - (x[from] ?? 0);
    const dy = (y[to] ?? 0) - (y[from] ?? 0);
    const along = dx * direction.x + dy * direction.y;
    const beside = Math.abs(dx * direction.y) + Math.abs(dy * direction.x);
    if (along <= 0 || beside > along) continue;
    const cost = along + besideWeight * beside;
    if (cost >= least) continue;
    nearest = to;
    least = cost;
  }
  return nearest;
}
