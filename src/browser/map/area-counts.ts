import type { SeatingPlan } from '../../shows/seating-plan.ts';
import { type Area, areaOfSeats } from './areas.ts';
import { matchesFilter, type SeatFilter } from './seat-filter.ts';

/** How many free seats of each area match the filter. A changed seat costs the same in any plan. */
export class AreaCounts {
  readonly #plan: SeatingPlan;
  readonly #isFree: (index: number) => boolean;
  readonly #areaOf: Uint16Array;
  readonly #matches: Uint8Array;
  /** 1 for each seat that is counted as free. */
  readonly #counted: Uint8Array;
  readonly #free: Uint32Array;
  readonly #changed = new Set<number>();

  constructor(plan: SeatingPlan, areas: readonly Area[], isFree: (index: number) => boolean) {
    this.#plan = plan;
    this.#isFree = isFree;
    this.#areaOf = areaOfSeats(areas, plan.size);
    this.#matches = new Uint8Array(plan.size).fill(1);
    this.#counted = new Uint8Array(plan.size);
    this.#free = new Uint32Array(areas.length);
  }

  free(area: number): number {
    return this.#free[area] ?? 0;
  }

  areaOf(index: number): number {
    return this.#areaOf[index] ?? 0;
  }

  matches(index: number): boolean {
    return this.#matches[index] === 1;
  }

  /** The state of the seat may have changed. */
  touch(index: number): void {
    const isCounted = this.matches(index) && this.#isFree(index) ? 1 : 0;
    if (isCounted === this.#counted[index]) return;
    const area = this.areaOf(index);
    this.#counted[index] = isCounted;
    this.#free[area] = this.free(area) + (isCounted === 1 ? 1 : -1);
    this.#changed.add(area);
  }

  filter(filter: SeatFilter): void {
    for (let index = 0; index < this.#plan.size; index++) {
      this.#matches[index] = matchesFilter(this.#plan, index, filter) ? 1 : 0;
      this.touch(index);
    }
  }

  /** The areas whose count has changed since the last call. */
  takeChanged(): number[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }
}
