import type { Block, FreeSeats } from './free-seats.ts';
import type { Nearness } from './nearness.ts';

/** The common input of both ways to place a group. */
export interface SeatSearch {
  free: FreeSeats;
  count: number;
  needsAccessible: boolean;
  /** Runs of free ordinary seats, of the requested category and section. */
  ordinaryRuns: readonly Block[];
  /** Runs in which a part with an accessible seat is placed: protected seats are in them too. */
  accessibleRuns: readonly Block[];
  nearness: Nearness;
  seed: number;
}
