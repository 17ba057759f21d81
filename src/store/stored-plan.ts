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
 * 'seat C5 (booked) would be removed'. Undefined if it may. `before`: undefined if it is lost.
 */
export function planConflict(
  before: SeatingPlan | undefined,
  after: SeatingPlan,
  seats: Iterable<Seat>,
): string | undefined {
  const moved = before ? planChanges(before, after).moved : [];
  const movements = new Map(moved.map(({ of, from, to }) => [of, `would move from "${from}" to "${to}"`]));
  const conflicts: string[] = [];
  for (const { id, status } of seats) {
    if (status === SeatStatus.available) continue;
    const effect = after.indexOf(id) === undefined ? 'would be removed' : movements.get(id);
    if (effect) conflicts.push(`seat ${id} (${status === SeatStatus.held ? 'held' : 'booked'}) ${effect}`);
  }
  if (conflicts.length === 0) return undefined;
  const more = conflicts.length - namedConflicts;
  return [...conflicts.slice(0, namedConflicts), ...(more > 0 ? [`${more} more seats`] : [])].join(', ');
}

const namedConflicts = 5;
