import { randomUUID } from 'node:crypto';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { seatAfter } from '../protocol/seat-after.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { decide, type Lock, overdue, type Transition } from './seat-rules.ts';
import {
  type Answer,
  type Decision,
  type History,
  type SeatCommand,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';
import { emptySeats, type VenueLayout } from './venue-layout.ts';

const statusAfter = { held: SeatStatus.held, released: SeatStatus.available, booked: SeatStatus.booked } as const;

/** The venue in this process's memory, gone with it. For the embedded default and for tests. */
export class MemorySeatStore implements SeatStore {
  readonly #options: VenueLayout & { holdTtlMs: number; keepEvents: number; nowMs: () => number };
  readonly #seats = new Map<string, Seat>();
  readonly #locks = new Map<string, Lock>();
  #events: SeatEvent[] = [];
  #epoch = '';
  #seq = 0;
  #relayed: Position | undefined;

  /** `nowMs`: Unix milliseconds; the default never goes backwards. */
  constructor(options: VenueLayout & { holdTtlMs: number; keepEvents?: number; nowMs?: () => number }) {
    const nowMs = () => Math.floor(performance.timeOrigin + performance.now());
    this.#options = { keepEvents: 10_000, nowMs, ...options };
  }

  async open(...known: (Position | undefined)[]): Promise<VenueSnapshot> {
    const isOlderCopy = known.some((position) => position?.epoch === this.#epoch && position.seq > this.#seq);
    if (this.#epoch === '' || isOlderCopy) {
      this.#epoch = randomUUID();
      this.#relayed = { epoch: this.#epoch, seq: this.#seq };
    }
    for (const seat of emptySeats(this.#options)) if (!this.#seats.has(seat.id)) this.#seats.set(seat.id, seat);
    return {
      epoch: this.#epoch,
      seq: this.#seq,
      nowMs: this.#options.nowMs(),
      seats: [...this.#seats.values()],
    };
  }

  async decide(seatId: string, commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    let seat = this.#seats.get(seatId);
    if (!seat || this.#epoch !== known.epoch || this.#seq < known.seq) throw new VenueLostError('not the venue known');
    const nowMs = this.#options.nowMs();
    const answers: Answer[] = [];
    const events: SeatEvent[] = [];

    const ended = overdue(seat, this.#locks.get(seatId), nowMs);
    if (ended) seat = this.#commit(seat, ended, nowMs, events);
    for (const command of commands) {
      const { refusal, transition } = decide(seat, this.#locks.get(seatId), command, nowMs);
      if (transition) seat = this.#commit(seat, transition, nowMs, events);
      answers.push(refusal ? { seat, refusal } : { seat });
    }
    return { nowMs, answers, events };
  }

  #commit(seat: Seat, { type, reason, userId }: Transition, nowMs: number, events: SeatEvent[]): Seat {
    const expiresAtMs = type === 'held' ? nowMs + this.#options.holdTtlMs : undefined;
    const event: SeatEvent = {
      type,
      seat_id: seat.id,
      user_id: userId,
      status: statusAfter[type],
      timestamp: new Date(nowMs).toISOString(),
      ...(expiresAtMs !== undefined && { expires_at: expiresAtMs / 1000 }),
      ...(reason && { reason }),
      epoch: this.#epoch,
      seq: ++this.#seq,
    };
    if (type === 'released') this.#locks.delete(seat.id);
    else this.#locks.set(seat.id, expiresAtMs === undefined ? { userId } : { userId, expiresAtMs });
    const after = seatAfter(seat, event);
    this.#seats.set(seat.id, after);
    this.#events.push(event);
    events.push(event);
    return after;
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const isKnown = position.epoch === this.#epoch;
    if (this.#epoch === '' || (isKnown && this.#seq < position.seq)) throw new VenueLostError('not the venue known');
    const now = { epoch: this.#epoch, seq: this.#seq, nowMs: this.#options.nowMs() };
    const oldestSeq = this.#events[0]?.seq ?? this.#seq + 1;
    if (!isKnown || position.seq + 1 < oldestSeq) return now;
    const first = position.seq + 1 - oldestSeq;
    return { ...now, events: this.#events.slice(first, first + limit) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    return this.#relayed;
  }

  async markRelayed(position: Position): Promise<void> {
    if (position.epoch !== this.#epoch || (this.#relayed && this.#relayed.seq >= position.seq)) return;
    this.#relayed = position;
    this.#events = this.#events.filter((event) => event.seq >= position.seq - this.#options.keepEvents);
  }

  async close(): Promise<void> {}
}
