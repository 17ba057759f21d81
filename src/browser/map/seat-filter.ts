import type { SeatingPlan } from '../../shows/seating-plan.ts';

/** The seats that the user wants to see. */
export interface SeatFilter {
  /** Names of categories; empty: all. */
  readonly categories: ReadonlySet<string>;
  readonly accessibleOnly: boolean;
  readonly fullViewOnly: boolean;
}

export const allSeats: SeatFilter = { categories: new Set(), accessibleOnly: false, fullViewOnly: false };

export function matchesFilter(plan: SeatingPlan, index: number, filter: SeatFilter): boolean {
  if (filter.categories.size > 0 && !filter.categories.has(plan.category(index))) return false;
  // People with a wheelchair user want to see the seats of companions as well.
  if (filter.accessibleOnly && !plan.has(index, 'accessible') && !plan.has(index, 'companion')) return false;
  return !(filter.fullViewOnly && plan.has(index, 'restricted-view'));
}
