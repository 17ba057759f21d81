import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { type BrokenRule, brokenRule, endOfHoldMs, type SeatRules, seatAfter } from './seat-rules.ts';

export interface SeatLogStart {
  seats: ReadonlyMap<string, Seat>;
  /** Of the last event before the log; undefined: the log may begin with any. */
  seq?: number | undefined;
  /** How often the hold of a seat has been extended; default: never. */
  extensions?: ReadonlyMap<string, number>;
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
  readonly #extensions: Map<string, number>;
  #seq: number | undefined;

  constructor({ seats, seq, extensions = new Map() }: SeatLogStart, rules: SeatRules = {}) {
    this.#rules = rules;
    this.#seats = new Map(seats);
    this.#extensions = new Map(extensions);
    this.#seq = seq;
  }

  get seats(): ReadonlyMap<string, Seat> {
    return this.#seats;
  }

  /** By seat: how often its hold has been extended. */
  get extensions(): ReadonlyMap<string, number> {
    return this.#extensions;
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
    const problem =
      brokenRule(before, event, this.#rules, atMs) ?? this.#overLimit(event, atMs) ?? this.#overExtended(event);
    if (problem) broken.push(problem);
    const after = seatAfter(before, event);
    this.#seats.set(after.id, after);
    if (event.reason === 'extended') this.#extensions.set(after.id, (this.#extensions.get(after.id) ?? 0) + 1);
    else if (event.reason !== 'checkout') this.#extensions.delete(after.id);
    return { before, after, broken };
  }

  #overLimit({ type, reason, user_id }: SeatEvent, atMs: number): BrokenRule | undefined {
    const { maxHoldsPerUser } = this.#rules;
    if (maxHoldsPerUser === undefined || type !== 'held' || reason !== undefined) return undefined;
    const isLive = (seat: Seat) =>
      seat.status === SeatStatus.held && seat.held_by === user_id && endOfHoldMs(seat) >= atMs;
    const held = [...this.#seats.values()].filter(isLive).length;
    return held >= maxHoldsPerUser
      ? { rule: 'R35', message: `${user_id} holds ${held} seats and gets one more` }
      : undefined;
  }

  #overExtended({ reason, seat_id }: SeatEvent): BrokenRule | undefined {
    const { maxExtensions } = this.#rules;
    if (maxExtensions === undefined || reason !== 'extended') return undefined;
    const times = this.#extensions.get(seat_id) ?? 0;
    return times >= maxExtensions
      ? { rule: 'R395', message: `the hold was extended ${times} times and is extended once more` }
      : undefined;
  }
}
