import { generatePlan } from './generate-plan.ts';
import { completeLayout } from './layout.ts';
import { SeatingPlan } from './seating-plan.ts';
import type { Show } from './show.ts';

export const defaultShowId = 'main';

const category = { name: 'Standard', colour: '#1e8449' };

export interface GridSize {
  rows: number;
  cols: number;
}

/** Rows A, B … of `cols` seats each. */
export function gridPlan({ rows, cols }: GridSize): SeatingPlan {
  const section = { name: 'Hall', rows, seats: cols, category: category.name };
  return new SeatingPlan(generatePlan(completeLayout({ sections: [section] })));
}

/** The show that always exists, without a file: a grid of seats A1, A2 …, without prices and dates. */
export function defaultShow(size: GridSize = { rows: 10, cols: 10 }, id = defaultShowId): Show {
  return {
    id,
    name: `${id.charAt(0).toUpperCase()}${id.slice(1)}`,
    startsAtMs: undefined,
    saleOpensAtMs: undefined,
    saleClosesAtMs: undefined,
    categories: [category],
    pricing: undefined,
    maxHolds: undefined,
    holdTtlMs: undefined,
    singleSeats: 'warn',
    plan: gridPlan(size),
  };
}
