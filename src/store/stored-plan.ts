import { gunzipSync, gzipSync } from 'node:zlib';
import { Compile } from 'typebox/compile';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { planChanges } from '../shows/plan-changes.ts';
import { PlanDocument } from '../shows/plan-document.ts';
import { planHash } from '../shows/plan-hash.ts';
import { SeatingPlan } from '../shows/seating-plan.ts';

const planDocument = Compile(PlanDocument);
/** Ten times what a plan of 100,000 seats needs. */
const maxPlanBytes = 64 * 1024 * 1024;

/** The content of `venue:plan`: its JSON, compressed because a request to Redis is bounded, in base64. */
export const planText = (plan: SeatingPlan): string => gzipSync(JSON.stringify(plan.toDocument())).toString('base64');

/** Undefined: it cannot be read, or is not the plan with this hash; that is as if it were lost. Without a hash: any plan. */
export function storedPlan(text: string | null, hash: string | undefined): SeatingPlan | undefined {
  try {
    const json = gunzipSync(Buffer.from(text ?? '', 'base64'), { maxOutputLength: maxPlanBytes }).toString();
    const document: unknown = JSON.parse(json);
    const plan = planDocument.Check(document) ? new SeatingPlan(document) : undefined;
    return plan && (hash === undefined || planHash(plan) === hash) ? plan : undefined;
  } catch {
    return undefined;
  }
}

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
