import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';

export interface Replay {
  /** The seat that each transition made, by its seq. */
  after: Map<number, { event: SeatEvent; seat: Seat }>;
  seats: Map<string, Seat>;
  violations: string[];
}

/** Of a hold's length: Redis may be made to wait between the log's time and the lock's. */
const lengthToleranceMs = 200;

/** Goes through a log again by the rules of a seat, and says where it does not follow them. */
export function replay(events: readonly SeatEvent[], initial: ReadonlyMap<string, Seat>, holdMs: number): Replay {
  const seats = new Map(initial);
  const after: Replay['after'] = new Map();
  const violations: string[] = [];
  let lastSeq: number | undefined;
  for (const event of events) {
    const seat = seats.get(event.seat_id);
    if (lastSeq !== undefined && event.seq !== lastSeq + 1)
      violations.push(`seq ${lastSeq} is followed by ${event.seq}`);
    lastSeq = event.seq;
    if (!seat) {
      violations.push(`seq ${event.seq} is of ${event.seat_id}, which the venue has not`);
      continue;
    }
    const problem = problemOf(seat, event, holdMs);
    if (problem) violations.push(`seq ${event.seq}: ${event.seat_id} ${event.type} by ${event.user_id}: ${problem}`);
    const next: Seat = { id: seat.id, row: seat.row, col: seat.col, status: event.status, seq: event.seq };
    if (event.type !== 'released') next.held_by = event.user_id;
    if (event.expires_at !== undefined) next.expires_at = event.expires_at;
    seats.set(seat.id, next);
    after.set(event.seq, { event, seat: next });
  }
  return { after, seats, violations };
}

/** What the rules say against this being the next transition of this seat. */
function problemOf(seat: Seat, event: SeatEvent, holdMs: number): string | undefined {
  const atMs = Date.parse(event.timestamp);
  const expiresMs = (seat.expires_at ?? 0) * 1000;
  const isHolders = seat.status === SeatStatus.held && seat.held_by === event.user_id;
  switch (event.type) {
    case 'held': {
      if (seat.status !== SeatStatus.available) return `it was not available (${JSON.stringify(seat)})`;
      const lastsMs = (event.expires_at ?? 0) * 1000 - atMs;
      return Math.abs(lastsMs - holdMs) > lengthToleranceMs ? `it is held for ${lastsMs} ms` : undefined;
    }
    case 'booked':
      if (!isHolders) return `it was not theirs (${JSON.stringify(seat)})`;
      return atMs > expiresMs ? 'the hold was over' : undefined;
    case 'released':
      if (!isHolders) return `it was not theirs (${JSON.stringify(seat)})`;
      if (event.reason === 'expired') return atMs < expiresMs ? 'before its time' : undefined;
      return atMs > expiresMs ? 'the hold was over' : undefined;
  }
}
