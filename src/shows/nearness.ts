import type { Block } from './free-seats.ts';
import type { SeatingPlan } from './seating-plan.ts';

/** Seats at distances of the same band count as equally near. */
const bandCount = 20;
/** Distances are whole hundredths of a unit, so that sums are exact and do not depend on the order. */
const precision = 100;

/** How near seats are to the focal point, compared with the nearest and the farthest of the plan. */
export class Nearness {
  /** Sum of the distances of all seats before each one. */
  readonly #sums: Float64Array;
  readonly #nearest: number;
  readonly #range: number;

  /** The same for every search in a plan, so it is made once. */
  static of(plan: SeatingPlan): Nearness {
    const known = byPlan.get(plan) ?? new Nearness(plan);
    byPlan.set(plan, known);
    return known;
  }

  private constructor(plan: SeatingPlan) {
    this.#sums = new Float64Array(plan.size + 1);
    let [nearest, farthest] = [Number.POSITIVE_INFINITY, 0];
    for (let index = 0; index < plan.size; index++) {
      const distance = Math.round(plan.distanceToFocalPoint(index) * precision);
      nearest = Math.min(nearest, distance);
      farthest = Math.max(farthest, distance);
      this.#sums[index + 1] = (this.#sums[index] ?? 0) + distance;
    }
    this.#nearest = nearest;
    this.#range = farthest - nearest + 1;
  }

  /** 0 to 19: the band of the mean distance of all seats of these blocks. */
  band(blocks: readonly Block[]): number {
    let [sum, count] = [0, 0];
    for (const { start, end } of blocks) {
      sum += (this.#sums[end] ?? 0) - (this.#sums[start] ?? 0);
      count += end - start;
    }
    return Math.floor((bandCount * (sum - this.#nearest * count)) / (this.#range * count));
  }
}

const byPlan = new WeakMap<SeatingPlan, Nearness>();
