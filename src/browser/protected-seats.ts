import type { SeatingPlan } from '../shows/seating-plan.ts';

export type ProtectedFlag = 'accessible' | 'companion';

/** For whom the seat is kept. undefined: for everybody. */
export function protectedFlag(plan: SeatingPlan, seatId: string): ProtectedFlag | undefined {
  const index = plan.indexOf(seatId);
  if (index === undefined) return undefined;
  if (plan.has(index, 'accessible')) return 'accessible';
  return plan.has(index, 'companion') ? 'companion' : undefined;
}

/** Follows "A3 is". */
export function protectedSeatText(flag: ProtectedFlag): string {
  return flag === 'accessible'
    ? 'a wheelchair space, without a chair. Hold it?'
    : 'a seat for the companion of a wheelchair user. Hold it?';
}
