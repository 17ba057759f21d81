import type { Seat } from '../protocol/seat.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';

/** A row counts more than a seat: people who come together want to sit in one row. */
const rowWeight = 1.5;

/** More than any distance in a plan. */
const otherCategoryCost = 1_000_000;

/**
 * The free seat nearest to another, if possible of the same category and thus price. Seats of wheelchair users and their
 * companions are offered only in place of such a seat. undefined: there is none.
 */
export function nearestInPlan(plan: SeatingPlan, isFree: (id: string) => boolean, { id }: Pick<Seat, 'id'>) {
  const to = plan.indexOf(id);
  if (to === undefined) return undefined;
  const isProtected = (index: number) => plan.has(index, 'accessible') || plan.has(index, 'companion');
  let nearest: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < plan.size; index++) {
    if (index === to || isProtected(index) !== isProtected(to) || !isFree(plan.id(index))) continue;
    const weight = plan.rowOf(index) === plan.rowOf(to) ? 1 : rowWeight;
    const apart = Math.hypot(plan.x(index) - plan.x(to), plan.y(index) - plan.y(to)) * weight;
    const cost = plan.category(index) === plan.category(to) ? apart : apart + otherCategoryCost;
    if (cost >= least) continue;
    nearest = index;
    least = cost;
  }
  return nearest === undefined ? undefined : plan.id(nearest);
}
