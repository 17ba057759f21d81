import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';

/** The venue at one moment. */
export interface VenueRecord {
  epoch: string;
  seq: number;
  seats: Map<string, Seat>;
  nowMs: number;
}

/** The seats in the order of the plan. */
export const plannedSeats = ({ seats }: VenueRecord): Seat[] =>
  [...seats.values()].sort((a, b) => a.row - b.row || a.col - b.col);

/** The source of the true events for the audit: Redis itself, or the HTTP API. */
export interface VenueTruth {
  readonly source: 'Redis' | 'HTTP';
  record(): Promise<VenueRecord>;
  /** In order; rejects with `LogLostError` if the log does not reach back that far. */
  eventsAfter(position: { epoch: string; seq: number }): Promise<SeatEvent[]>;
  /** Seats that differ from their locks; undefined if locks cannot be read. */
  lockMismatches?(): Promise<string[]>;
  close(): Promise<void>;
}

export class LogLostError extends Error {
  override name = 'LogLostError';
}

/** The audit is impossible; this is no finding about the system. The message names the remedy. */
export class CannotAuditError extends Error {
  override name = 'CannotAuditError';
}
