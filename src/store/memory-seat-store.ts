import { randomUUID } from 'node:crypto';
import type { Refusal } from '../protocol/errors.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { stateAfter } from '../protocol/state-after.ts';
import type { Position } from '../protocol/venue.ts';
import { seatWith } from '../venue/seating-plan.ts';
import {
  decide,
  eventOf,
  type HoldRules,
  isLocked,
  type Lock,
  lockAfter,
  overdue,
  startsCooldown,
  type Transition,
} from './seat-rules.ts';
import {
  type Answer,
  answerKeptMs,
  type Decision,
  type History,
  newSystemId,
  type SeatCommand,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import { emptySeats, type VenueLayout } from './venue-layout.ts';

/** The venue in this process's memory, gone with it. For the embedded default and for tests. */
export class MemorySeatStore implements SeatStore {
  readonly #options: VenueLayout & HoldRules & { keepEvents: number; nowMs: () => number };
  readonly #seats = new Map<string, Seat>();
  readonly #locks = new Map<string, Lock>();
  /** By user: the seats whose lock is a hold of theirs. */
  readonly #holds = new Map<string, Set<string>>();
  /** By seat: whose hold lapsed last, and until when that user may not hold it again. */
  readonly #cooldowns = new Map<string, { userId: string; untilMs: number }>();
  /** In the order in which they are forgotten. */
  readonly #answers = new Map<string, { answer: Answer; untilMs: number }>();
  #events: SeatEvent[] = [];
  #system = '';
  #epoch = '';
  #seq = 0;
  #relayed: Position | undefined;

  /** `nowMs`: Unix milliseconds; the default never goes backwards. */
  constructor(options: VenueLayout & HoldRules & { keepEvents?: number; nowMs?: () => number }) {
    const nowMs = () => Math.floor(performance.timeOrigin + performance.now());
    this.#options = { keepEvents: 10_000, nowMs, ...options };
  }

  async open(knownSystem = newSystemId()): Promise<VenueSnapshot> {
    this.#system ||= knownSystem;
    if (this.#epoch === '') {
      this.#epoch = randomUUID();
      this.#relayed = { epoch: this.#epoch, seq: this.#relayed?.seq ?? this.#seq };
    }
    for (const seat of emptySeats(this.#options)) if (!this.#seats.has(seat.id)) this.#seats.set(seat.id, seat);
    return {
      system: this.#system,
      epoch: this.#epoch,
      seq: this.#seq,
      nowMs: this.#options.nowMs(),
      seats: [...this.#seats.values()],
    };
  }

  async decide(seatId: string, commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    let seat = this.#seats.get(seatId);
    if (!seat || !this.#isKnown(known)) throw new VenueLostError('not the venue known');
    const nowMs = this.#options.nowMs();
    const answers: Answer[] = [];
    const events: SeatEvent[] = [];

    const ended = overdue(seat, this.#locks.get(seatId), nowMs);
    if (ended) seat = this.#commit(seat, ended, nowMs, events);
    for (const command of commands) {
      const key = answerKey(seatId, command);
      const kept = key && this.#answers.get(key);
      if (kept && kept.untilMs > nowMs) {
        answers.push(kept.answer);
        continue;
      }
      const holdRefusal = (userId: string) => this.#holdRefusal(userId, seatId, nowMs);
      const { refusal, transition } = decide(seat, this.#locks.get(seatId), command, nowMs, holdRefusal);
      if (transition) seat = this.#commit(seat, transition, nowMs, events);
      const answer = refusal ? { seat, refusal } : { seat };
      answers.push(answer);
      if (key && (transition || ('request' in command && command.request?.isRepeat))) this.#keep(key, answer, nowMs);
    }
    return { nowMs, answers, events };
  }

  /** An older copy of what the caller knows ends its epoch. */
  #isKnown({ epoch, seq }: Position): boolean {
    if (this.#epoch !== epoch) return false;
    if (this.#seq < seq) this.#epoch = '';
    return this.#seq >= seq;
  }

  #keep(key: string, answer: Answer, nowMs: number): void {
    for (const [oldest, { untilMs }] of this.#answers) {
      if (untilMs > nowMs) break;
      this.#answers.delete(oldest);
    }
    this.#answers.set(key, { answer, untilMs: nowMs + answerKeptMs });
  }

  #holdRefusal(userId: string, seatId: string, nowMs: number): Refusal | undefined {
    if (this.#liveHolds(userId, nowMs) >= this.#options.maxHoldsPerUser) return 'HOLD_LIMIT';
    const cooldown = this.#cooldowns.get(seatId);
    return cooldown?.userId === userId && nowMs <= cooldown.untilMs ? 'COOLDOWN' : undefined;
  }

  #liveHolds(userId: string, nowMs: number): number {
    let live = 0;
    for (const seatId of this.#holds.get(userId) ?? []) if (isLocked(this.#locks.get(seatId), nowMs)) live++;
    return live;
  }

  #noteHold(type: SeatEvent['type'], userId: string, seatId: string): void {
    const holds = this.#holds.get(userId) ?? new Set();
    if (type === 'held') holds.add(seatId);
    else holds.delete(seatId);
    if (holds.size > 0) this.#holds.set(userId, holds);
    else this.#holds.delete(userId);
  }

  #commit(seat: Seat, transition: Transition, nowMs: number, events: SeatEvent[]): Seat {
    const { holdTtlMs, reholdCooldownMs = 0 } = this.#options;
    if (reholdCooldownMs > 0 && startsCooldown(transition, this.#locks.get(seat.id), nowMs, holdTtlMs)) {
      this.#cooldowns.set(seat.id, { userId: transition.userId, untilMs: nowMs + reholdCooldownMs });
    }
    const event = eventOf(seat, transition, { nowMs, holdTtlMs, epoch: this.#epoch, seq: ++this.#seq });
    const lock = lockAfter(transition, nowMs, holdTtlMs);
    if (lock) this.#locks.set(seat.id, lock);
    else this.#locks.delete(seat.id);
    this.#noteHold(transition.type, transition.userId, seat.id);
    const after = seatWith(seat, stateAfter(event));
    this.#seats.set(seat.id, after);
    this.#events.push(event);
    events.push(event);
    return after;
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const isOfThisEpoch = position.epoch === this.#epoch;
    if (this.#epoch === '' || (isOfThisEpoch && !this.#isKnown(position))) {
      throw new VenueLostError('not the venue known');
    }
    const now = { epoch: this.#epoch, seq: this.#seq, nowMs: this.#options.nowMs() };
    const oldestSeq = this.#events[0]?.seq ?? this.#seq + 1;
    if (!isOfThisEpoch || position.seq + 1 < oldestSeq) return now;
    const first = position.seq + 1 - oldestSeq;
    const events = this.#events.slice(first, first + limit);
    return { ...now, events: events.map((event) => ({ ...event, epoch: this.#epoch })) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    return this.#relayed;
  }

  async markRelayed(position: Position): Promise<void> {
    if (position.epoch !== this.#epoch || (this.#relayed && this.#relayed.seq >= position.seq)) return;
    this.#relayed = position;
    this.#events = this.#events.filter((event) => event.seq >= position.seq - this.#options.keepEvents);
  }

  async audit(): Promise<void> {}

  async checkWritable(): Promise<void> {}

  async close(): Promise<void> {}
}

function answerKey(seatId: string, command: SeatCommand): string | undefined {
  if (command.action === 'expire' || !command.request) return undefined;
  return `${seatId} ${command.request.key} ${command.action} ${command.userId}`;
}
