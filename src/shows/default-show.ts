import { generatePlan } from './generate-plan.ts';
import { completeLayout } from './layout.ts';
import { SeatingPlan } from './seating-plan.ts';
import type { Show } from './show.ts';

export const defaultShowId = 'main';

/** The show that is always there, without a file: a grid of seats A1, A2 …, without prices and dates. */
export function defaultShow({ rows, cols } = { rows: 10, cols: 10 }): Show {
  const category = { name: 'Standard', colour: '#1e8449' };
  const section = { name: 'Hall', rows, seats: cols, category: category.name };
  return {
    id: defaultShowId,
    name: 'Main',
    startsAtMs: undefined,
    saleOpensAtMs: undefined,
    saleClosesAtMs: undefined,
    categories: [category],
    pricing: undefined,
    maxHolds: undefined,
    holdTtlMs: undefined,
    plan: new SeatingPlan(generatePlan(completeLayout({ sections: [section] }))),
  };
}
