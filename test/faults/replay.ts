import { SeatLog } from '../../bench/audit/seat-log.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';

export interface Replay {
  /** The seat that each event made, by seq. */
  after: Map<number, { event: SeatEvent; seat: Seat }>;
  seats: ReadonlyMap<string, Seat>;
  violations: string[];
}

/** A fault can make Redis wait between reading the time and the reply. */
const holdTtlToleranceMs = 200;
const clockErrorMs = 1;

/** Replays a whole log by the rules of a seat. */
export function replay(events: readonly SeatEvent[], initial: ReadonlyMap<string, Seat>, holdTtlMs: number): Replay {
  const log = new SeatLog({ seats: initial }, { holdTtlMs, holdTtlToleranceMs, clockErrorMs });
  const after: Replay['after'] = new Map();
  const violations: string[] = [];
  for (const event of events) {
    const step = log.append(event);
    violations.push(
      ...step.broken.map(
        ({ rule, message }) => `[${rule}] seq ${event.seq}, ${event.type} ${event.seat_id}: ${message}`,
      ),
    );
    if (step.after) after.set(event.seq, { event, seat: step.after });
  }
  return { after, seats: log.seats, violations };
}
