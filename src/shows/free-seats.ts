import type { SeatingPlan } from './seating-plan.ts';

/** Neighbours in one row: the indexes of the first, and of the seat after the last. */
export interface Block {
  readonly start: number;
  readonly end: number;
}

/** The kind of a free seat. Seats of wheelchair users and their companions are offered only on request. */
type Kind = 'ordinary' | 'accessible' | 'companion';
const kindCodes: Record<Kind, number> = { ordinary: 1, accessible: 2, companion: 3 };

/** The free seats of a plan at one moment, and the effect of taking some of them on the others. */
export class FreeSeats {
  readonly plan: SeatingPlan;
  /** 0: taken. */
  readonly #codes: Uint8Array;

  constructor(plan: SeatingPlan, isFree: (id: string) => boolean) {
    this.plan = plan;
    this.#codes = new Uint8Array(plan.size);
    const kinds = kindsOf(plan);
    for (const [index, id] of plan.ids.entries()) {
      if (isFree(id)) this.#codes[index] = kinds[index] ?? 0;
    }
  }

  isFree(index: number): boolean {
    return this.#codes[index] !== 0;
  }

  /** True if the seat is free and of this kind. */
  is(kind: Kind, index: number): boolean {
    return this.#codes[index] === kindCodes[kind];
  }

  /** The longest blocks of seats that are usable. */
  runs(isUsable: (index: number) => boolean): Block[] {
    const runs: Block[] = [];
    let start: number | undefined;
    for (let index = 0; index < this.plan.size; index++) {
      if (!isUsable(index)) continue;
      start ??= index;
      if (this.plan.hasRightNeighbour(index) && isUsable(index + 1)) continue;
      runs.push({ start, end: index + 1 });
      start = undefined;
    }
    return runs;
  }

  /**
   * Free ordinary seats that would lose their last free ordinary neighbour if these blocks were taken. A seat without
   * such a neighbour does not count, nor does a protected one, because wheelchair users may come alone.
   */
  newSingles(blocks: readonly Block[]): number[] {
    const isOpen = (index: number) => this.is('ordinary', index) && !blocks.some((block) => contains(block, index));
    const singles = new Set<number>();
    for (const { start, end } of blocks) {
      const [before, after] = [this.#left(start), this.#right(end - 1)];
      if (this.is('ordinary', start) && isOpen(before) && !isOpen(this.#left(before))) singles.add(before);
      if (this.is('ordinary', end - 1) && isOpen(after) && !isOpen(this.#right(after))) singles.add(after);
    }
    return [...singles];
  }

  /** The neighbour to the left, or -1. */
  #left(index: number): number {
    return index > 0 && this.plan.hasRightNeighbour(index - 1) ? index - 1 : -1;
  }

  /** The neighbour to the right, or -1. */
  #right(index: number): number {
    return this.plan.hasRightNeighbour(index) ? index + 1 : -1;
  }
}

const contains = ({ start, end }: Block, index: number): boolean => index >= start && index < end;

const kindsByPlan = new WeakMap<SeatingPlan, Uint8Array>();

/** The code of each seat, if it is free. */
function kindsOf(plan: SeatingPlan): Uint8Array {
  const kinds = kindsByPlan.get(plan) ?? Uint8Array.from(plan.ids, (_, index) => kindCodes[kindOf(plan, index)]);
  kindsByPlan.set(plan, kinds);
  return kinds;
}

/** The users for whom the seat is kept; `ordinary`: everybody. */
export function kindOf(plan: SeatingPlan, index: number): Kind {
  if (plan.has(index, 'accessible')) return 'accessible';
  return plan.has(index, 'companion') ? 'companion' : 'ordinary';
}
