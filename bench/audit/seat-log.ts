import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { type BrokenRule, brokenRule, endOfHoldMs, type SeatRules, seatAfter } from './seat-rules.ts';

export interface SeatLogStart {
  seats: ReadonlyMap<string, Seat>;
  /** Of the last event before the log; undefined: the log may begin with any. */
  seq?: number | undefined;
}

export interface SeatLogStep {
  /** Undefined: the venue has no such seat. */
  before: Seat | undefined;
  after: Seat | undefined;
  broken: BrokenRule[];
}

/** Replays a log event by event: the seats that it makes, and where it breaks the rules. */
export class SeatLog {
  readonly #rules: SeatRules;
  readonly #seats: Map<string, Seat>;
  #seq: number | undefined;

  constructor({ seats, seq }: SeatLogStart, rules: SeatRules = {}) {
    this.#rules = rules;
    this.#seats = new Map(seats);
    this.#seq = seq;
  }

  get seats(): ReadonlyMap<string, Seat> {
    return this.#seats;
  }

  /** `atMs`: when the store committed the event. */
  append(event: SeatEvent, atMs: number = Date.parse(event.timestamp)): SeatLogStep {
    const before = this.#seats.get(event.seat_id);
    const broken: BrokenRule[] = [];
    if (this.#seq !== undefined && event.seq !== this.#seq + 1) {
      broken.push({ rule: 'R30', message: `seq ${this.#seq} is followed by ${event.seq}` });
    }
    this.#seq = event.seq;
    if (!before) {
      broken.push({ rule: 'R30', message: `the venue has no seat ${event.seat_id}` });
      return { before, after: undefined, broken };
    }
    const problem = brokenRule(before, event, this.#rules, atMs) ?? this.#overLimit(event, atMs);
    if (problem) broken.push(problem);
    const after = seatAfter(before, event);
    this.#seats.set(after.id, after);
    return { before, after, broken };
  }

  #overLimit({ type, reason, user_id }: SeatEvent, atMs: number): BrokenRule | undefined {
    const { maxHoldsPerUser } = this.#rules;
    if (maxHoldsPerUser === undefined || type !== 'held' || reason === 'extended') return undefined;
    const isLive = (seat: Seat) =>
      seat.status === SeatStatus.held && seat.held_by === user_id && endOfHoldMs(seat) >= atMs;
    const held = [...this.#seats.values()].filter(isLive).length;
    return held >= maxHoldsPerUser
      ? { rule: 'R35', message: `${user_id} holds ${held} seats and gets one more` }
      : undefined;
  }
}
