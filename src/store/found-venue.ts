import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { VenueSnapshot } from './seat-store.ts';

/** The plan with which a show was last opened. */
export interface PlanMark {
  /** undefined if Redis does not know it. */
  planHash: string | undefined;
  /** 0 if Redis does not know it. */
  planReadAtMs: number;
}

export interface FoundVenue extends Omit<VenueSnapshot, 'seats'>, PlanMark {
  /** Those that can be read. */
  seats: Map<string, Seat>;
  /** True if a process ended while it wrote the seats of a new show. */
  isCreating: boolean;
  /** False if a field of `venue:about` is lost. */
  isAboutWhole: boolean;
  /** undefined: lost, or there was none. */
  plan: SeatingPlan | undefined;
  /** Seqs of the log; 0 if it is empty. */
  oldestSeq: number;
  newestSeq: number;
  hasLog: boolean;
  /** Number of existing keys of the show; 0 if it was never opened. */
  keyCount: number;
}

/** Types only: whatever Redis holds as the user of a seat stays its user. */
const storedSeat = Compile(
  Type.Object({
    id: Type.String(),
    row: Type.Integer(),
    col: Type.Integer(),
    status: Type.Enum(SeatStatus),
    held_by: Type.Optional(Type.String()),
    expires_at: Type.Optional(Type.Number()),
    seq: Type.Integer(),
  }),
);

/** The missing parts that an open epoch must have. `expected`: see `#planOf`. */
export function missingParts(
  { seats, seq, newestSeq, hasLog, isAboutWhole, planHash, plan }: FoundVenue,
  expected: SeatingPlan | undefined,
): string[] {
  const missing: string[] = [];
  if (expected && !expected.ids.every((id) => seats.has(id))) missing.push('venue:seats');
  if (seq < 0) missing.push('venue:seq');
  if (newestSeq > seq || (seq > 0 && !hasLog)) missing.push('venue:events');
  if (!isAboutWhole) missing.push('venue:about');
  if (planHash !== undefined && !plan) missing.push('venue:plan');
  return missing;
}

/** Undefined: it cannot be read, which is as if it were lost. */
export function readSeat(json: string): Seat | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return storedSeat.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
