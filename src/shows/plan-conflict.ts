import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { planChanges } from './plan-changes.ts';
import type { SeatingPlan } from './seating-plan.ts';

/**
 * Why a plan must not replace the stored one: it removes or moves seats that somebody holds or has booked, for example
 * 'seat C5 (booked) would be removed'. Undefined if it may. `before` is undefined if it is lost: then a seat has moved if
 * its row or column is another. `taken`: the seats that are held or booked.
 */
export function planConflict(
  before: SeatingPlan | undefined,
  after: SeatingPlan,
  taken: readonly Seat[],
): string | undefined {
  const movementOf = before ? movements(before, after) : movementInRows(after);
  const conflicts = taken
    .toSorted((a, b) => a.row - b.row || a.col - b.col)
    .flatMap((seat) => {
      const effect = after.indexOf(seat.id) === undefined ? 'would be removed' : movementOf(seat);
      return effect ? [`seat ${seat.id} (${seat.status === SeatStatus.held ? 'held' : 'booked'}) ${effect}`] : [];
    });
  if (conflicts.length === 0) return undefined;
  const more = conflicts.length - namedConflicts;
  return [...conflicts.slice(0, namedConflicts), ...(more > 0 ? [`${more} more seats`] : [])].join(', ');
}

const namedConflicts = 5;

/** By seat: 'would move from … to …', or undefined. */
type Movements = (seat: Seat) => string | undefined;

function movements(before: SeatingPlan, after: SeatingPlan): Movements {
  const { moved } = planChanges(before, after);
  const byId = new Map(moved.map(({ of, from, to }) => [of, `would move from "${from}" to "${to}"`]));
  return ({ id }) => byId.get(id);
}

const movementInRows =
  (after: SeatingPlan): Movements =>
  ({ id, row, col }) => {
    const to = after.seat(id);
    if (!to || (to.row === row && to.col === col)) return undefined;
    return `would move from seat ${col + 1} of row ${row + 1} to seat ${to.col + 1} of row ${to.row + 1}`;
  };
