import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';

/** The venue at one moment. */
export interface VenueRecord {
  epoch: string;
  seq: number;
  seats: Map<string, Seat>;
  nowMs: number;
}

/** Where the audit gets what really happened: Redis itself, or what HTTP tells of it. */
export interface VenueTruth {
  readonly source: 'Redis' | 'HTTP';
  record(): Promise<VenueRecord>;
  /** In order; rejects where the log does not reach back so far. */
  eventsAfter(position: { epoch: string; seq: number }): Promise<SeatEvent[]>;
  /** Seats whose lock says something else than the seat; undefined where locks cannot be seen. */
  lockMismatches?(): Promise<string[]>;
  close(): Promise<void>;
}

export class LogLostError extends Error {
  override name = 'LogLostError';
}
