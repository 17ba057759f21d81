import { kindOf } from '../shows/free-seats.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';

export type ProtectedFlag = 'accessible' | 'companion';

/** The users for whom the seat is kept. undefined: everybody, or the plan has no such seat. */
export function protectedFlag(plan: SeatingPlan, seatId: string): ProtectedFlag | undefined {
  const index = plan.indexOf(seatId);
  const kind = index === undefined ? 'ordinary' : kindOf(plan, index);
  return kind === 'ordinary' ? undefined : kind;
}

/** Follows "A3 is". */
export function protectedSeatText(flag: ProtectedFlag): string {
  return flag === 'accessible'
    ? 'a wheelchair space, without a chair. Hold it?'
    : 'a seat for the companion of a wheelchair user. Hold it?';
}
