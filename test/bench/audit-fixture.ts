import { Audit } from '../../bench/audit/audit.ts';
import { ClientLog } from '../../bench/audit/client-log.ts';
import type { VenueRecord } from '../../bench/audit/venue-truth.ts';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';

export const startMs = 1_700_000_000_000;
export const holdMs = 30_000;

export const freeSeat: Seat = { id: 'A1', row: 0, col: 0, status: 0, seq: 0 };

/** A user of the run. */
export const user = (name: string) => `load-test-${name}`;

export function event(seq: number, type: SeatEvent['type'], by: string, more: Partial<SeatEvent> = {}): SeatEvent {
  const atMs = startMs + seq * 10;
  return {
    type,
    seat_id: 'A1',
    user_id: user(by),
    status: ({ held: 1, released: 0, booked: 2 } as const)[type],
    timestamp: new Date(atMs).toISOString(),
    ...(type === 'held' && { expires_at: (atMs + holdMs) / 1000 }),
    ...(type === 'released' && { reason: 'user' }),
    epoch: 'e',
    seq,
    ...more,
  };
}

/** The seat after the event. */
export function seatOf({ seat_id, status, user_id, expires_at, seq }: SeatEvent): Seat {
  return {
    ...freeSeat,
    id: seat_id,
    status,
    seq,
    ...(status !== 0 && { held_by: user_id }),
    ...(status === 1 && expires_at !== undefined && { expires_at }),
  };
}

export class Run {
  readonly log = new ClientLog();
  readonly audit: Audit;

  constructor(initial: Partial<VenueRecord> = {}) {
    const record = { epoch: 'e', seq: 0, seats: new Map([['A1', freeSeat]]), nowMs: startMs, ...initial };
    this.audit = new Audit({ initial: record, isOwnUser: (id) => id.startsWith('load-test-') });
  }

  logged(...events: SeatEvent[]): this {
    for (const each of events) this.audit.transition(each);
    return this;
  }

  granted(action: UserAction, by: string, seat: Seat, newestSeqWhenSent = 0): this {
    const body = JSON.stringify({ success: true, seat });
    this.log.answered({ action, seatIds: ['A1'], userId: user(by), status: 200, body }, [newestSeqWhenSent]);
    return this;
  }

  refused(action: UserAction, by: string, code: string, seat: Seat): this {
    const body = JSON.stringify({ success: false, error: { code, message: '', retryable: true }, seat });
    this.log.answered({ action, seatIds: ['A1'], userId: user(by), status: 409, body }, [0]);
    return this;
  }

  /** How many facts each check has checked. */
  checkCounts(): [name: string, checked: number][] {
    this.audit.judge(this.log.take());
    return this.audit.verdict().checks.map(({ name, checked }) => [name, checked]);
  }

  /** The names of the broken checks. */
  broken(): string[] {
    this.audit.judge(this.log.take());
    return this.audit.verdict().checks.flatMap(({ name, broken }) => (broken > 0 ? [name] : []));
  }
}
