import { gunzipSync, gzipSync } from 'node:zlib';
import { Compile } from 'typebox/compile';
import type { PlannedSeat, Seat } from '../protocol/seat.ts';
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

/** Undefined: it cannot be read, or is not the plan with this hash; that is as if it were lost. */
export function storedPlan(text: string | null, hash: string): SeatingPlan | undefined {
  try {
    const json = gunzipSync(Buffer.from(text ?? '', 'base64'), { maxOutputLength: maxPlanBytes }).toString();
    const document: unknown = JSON.parse(json);
    const plan = planDocument.Check(document) ? new SeatingPlan(document) : undefined;
    return plan && planHash(plan) === hash ? plan : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Why a plan must not replace the stored one: it removes or moves seats that somebody holds or has booked, for example
 * 'seat C5 (booked) would move from "Stalls, row C, seat 5" to …'. Undefined if it may. `before` is undefined if it is
 * lost: then a seat has moved if its row or column is another. `taken`: the seats that are held or booked.
 */
export function planConflict(
  before: SeatingPlan | undefined,
  after: SeatingPlan,
  taken: readonly Seat[],
): string | undefined {
  const effectOn = before ? effectOfChanges(before, after) : effectOnSeat(after);
  const conflicts = taken.flatMap((seat): Conflict[] => {
    const effect = effectOn(seat);
    return effect === undefined ? [] : [{ ...seat, effect }];
  });
  if (conflicts.length === 0) return undefined;
  const named = conflicts
    .toSorted((a, b) => a.row - b.row || a.col - b.col)
    .slice(0, namedConflicts)
    .map(({ id, status, effect }) => `seat ${id} (${status === SeatStatus.held ? 'held' : 'booked'}) ${effect}`);
  const more = conflicts.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more seats`] : [])].join(', ');
}

type Conflict = Seat & { effect: string };

const namedConflicts = 5;
const removal = 'would be removed';
const move = (from: string, to: string) => `would move from "${from}" to "${to}"`;

function effectOfChanges(before: SeatingPlan, after: SeatingPlan): (seat: Seat) => string | undefined {
  const { removed, moved } = planChanges(before, after);
  const effects = new Map([
    ...removed.map((id): [string, string] => [id, removal]),
    ...moved.map(({ of, from, to }): [string, string] => [of, move(from, to)]),
  ]);
  return ({ id }) => effects.get(id);
}

function effectOnSeat(after: SeatingPlan): (seat: Seat) => string | undefined {
  const place = ({ row, col }: PlannedSeat) => `row ${row + 1} of the plan, seat ${col + 1} of the row`;
  return (seat) => {
    const planned = after.seat(seat.id);
    if (!planned) return removal;
    return place(seat) === place(planned) ? undefined : move(place(seat), place(planned));
  };
}
