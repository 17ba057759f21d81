import { randomUUID } from 'node:crypto';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { stateAfter } from '../protocol/state-after.ts';
import type { Position } from '../protocol/venue.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { seatWith } from '../venue/seat-with.ts';
import { emptySeats } from './empty-seats.ts';
import { withProof } from './restore-venue.ts';
import {
  decide,
  decideForOrder,
  eventOf,
  type HoldRules,
  isLocked,
  type Lock,
  lockAfter,
  type NamedSeat,
  overdue,
  startsCooldown,
  type Transition,
  type Verdict,
} from './seat-rules.ts';
import {
  type Answer,
  answerKeptMs,
  closedOrderKeptMs,
  type Decision,
  endsOrder,
  type History,
  isOrderCommand,
  newSystemId,
  type OrderCommand,
  type ProvenBooking,
  type ProvenBookings,
  type SeatCommand,
  type SeatLog,
  type SeatStore,
  type UserCommand,
  VenueLostError,
  type VenueSnapshot,
} from './seat-store.ts';

interface MemorySeatStoreOptions extends HoldRules {
  plan: SeatingPlan;
  provenBookings?: ProvenBookings | undefined;
  keepEvents?: number;
  /** Unix milliseconds; the default never goes backwards. */
  nowMs?: () => number;
}

/** A show in the memory of this process, lost when the process ends. For the embedded mode and for tests. */
export class MemorySeatStore implements SeatStore, SeatLog {
  readonly #options: MemorySeatStoreOptions & { keepEvents: number; nowMs: () => number };
  readonly #seats = new Map<string, Seat>();
  readonly #locks = new Map<string, Lock>();
  /** By user, then by held seat: the number of extensions of the hold. */
  readonly #holds = new Map<string, Map<string, number>>();
  /** By seat: the user whose hold expired last, and the time until which that user may not hold it again. */
  readonly #cooldowns = new Map<string, { userId: string; untilMs: number }>();
  /** In the order in which they expire. */
  readonly #answers = new Map<string, { answer: Answer; untilMs: number }>();
  /** By id: until when it is remembered. In the order in which they are forgotten. */
  readonly #closedOrders = new Map<string, number>();
  #events: SeatEvent[] = [];
  /** The openings under way: the first that finishes ends the others, which know an older state. */
  readonly #openings = new Set<symbol>();
  #system = '';
  #epoch = '';
  #seq = 0;
  #relayed: Position | undefined;
  /** Once the ledger has noted a position, nothing is trimmed that it does not have. */
  #ledger: Position | undefined;

  constructor(options: MemorySeatStoreOptions) {
    const nowMs = () => Math.floor(performance.timeOrigin + performance.now());
    this.#options = { keepEvents: 10_000, nowMs, ...options };
  }

  async open(knownSystem = newSystemId()): Promise<VenueSnapshot> {
    this.#system ||= knownSystem;
    for (let opening = this.beginOpening(); opening; opening = this.beginOpening()) {
      this.finishOpening(opening, (await this.#options.provenBookings?.()) ?? []);
    }
    return {
      system: this.#system,
      epoch: this.#epoch,
      seq: this.#seq,
      nowMs: this.#options.nowMs(),
      seats: [...this.#seats.values()],
    };
  }

  /** undefined: the show has an epoch. */
  beginOpening(): symbol | undefined {
    if (this.#epoch !== '') return undefined;
    const opening = Symbol('opening');
    this.#openings.add(opening);
    return opening;
  }

  /** Opens a new epoch that has the proven bookings, unless another opening has finished since this one began. */
  finishOpening(opening: symbol, proven: readonly ProvenBooking[]): void {
    if (!this.#openings.has(opening)) return;
    this.#openings.clear();
    this.#epoch = randomUUID();
    this.#relayed = { epoch: this.#epoch, seq: this.#relayed?.seq ?? this.#seq };
    this.#ledger = this.#ledger && { epoch: this.#epoch, seq: this.#ledger.seq };
    const proofs = new Map(proven.map((booking) => [booking.seatId, booking]));
    for (const empty of emptySeats(this.#options.plan)) {
      const seat = this.#seats.get(empty.id) ?? empty;
      const restored = withProof(seat, proofs.get(seat.id));
      this.#seats.set(seat.id, restored);
      if (restored === seat || restored.held_by === undefined) continue;
      if (seat.held_by !== undefined) this.#forgetHold(seat.held_by, seat.id);
      this.#locks.set(seat.id, { userId: restored.held_by });
    }
  }

  /** As a restart of the store does. */
  endEpoch(): void {
    this.#epoch = '';
  }

  async decide(commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    const areSeatsKnown = commands.every(({ seatIds }) => seatIds.every((id) => this.#seats.has(id)));
    if (!areSeatsKnown || !this.#isKnown(known)) throw new VenueLostError('not the venue known');
    const nowMs = this.#options.nowMs();
    const events: SeatEvent[] = [];
    const answers = commands.map((command) => {
      for (const seat of this.#seatsOf(command)) {
        const ended = overdue(seat, this.#locks.get(seat.id), nowMs);
        if (ended) this.#commit(seat, ended, nowMs, events);
      }
      if (command.action === 'expire') return { seats: this.#seatsOf(command) };
      if (isOrderCommand(command)) return this.#decideForOrder(command, nowMs, events);
      return this.#decideOnce(command, nowMs, events);
    });
    return { nowMs, answers, events };
  }

  #decideOnce(command: UserCommand, nowMs: number, events: SeatEvent[]): Answer {
    const key = command.request && [command.seatIds, command.request.key, command.action, command.userId].join(' ');
    const kept = key && this.#answers.get(key);
    if (kept && kept.untilMs > nowMs) return kept.answer;
    const named = this.#seatsOf(command).map((seat) => this.#named(seat, command.userId, nowMs));
    const otherHolds = this.#liveHolds(command.userId, nowMs);
    const verdict = decide(command, named, { ...this.#options, nowMs, otherHolds });
    const seqBefore = this.#seq;
    const answer = this.#commitAll(command, verdict, nowMs, events);
    if (key && (this.#seq > seqBefore || command.request?.isRepeat)) this.#keep(key, answer, nowMs);
    return answer;
  }

  #decideForOrder(command: OrderCommand, nowMs: number, events: SeatEvent[]): Answer {
    const { orderId, userId } = command;
    const isClosed = (this.#closedOrders.get(orderId) ?? 0) > nowMs;
    const named = this.#seatsOf(command).map((seat) => this.#named(seat, userId, nowMs));
    const verdict = decideForOrder(command, named, { nowMs, isClosed, epoch: this.#epoch });
    const answer = this.#commitAll(command, verdict, nowMs, events);
    if (endsOrder(command) && !answer.refusal) {
      forgetOverdue(this.#closedOrders, (untilMs) => untilMs <= nowMs);
      this.#closedOrders.set(orderId, nowMs + closedOrderKeptMs);
    }
    return answer;
  }

  #commitAll(command: SeatCommand, verdict: Verdict, nowMs: number, events: SeatEvent[]): Answer {
    if ('refusal' in verdict) return { seats: this.#seatsOf(command), ...verdict };
    for (const seat of this.#seatsOf(command)) {
      const transition = verdict.transitions.get(seat.id);
      if (transition) this.#commit(seat, transition, nowMs, events);
    }
    return { seats: this.#seatsOf(command) };
  }

  #seatsOf({ seatIds }: SeatCommand): Seat[] {
    return seatIds.flatMap((id) => this.#seats.get(id) ?? []);
  }

  #named(seat: Seat, userId: string, nowMs: number): NamedSeat {
    const cooldown = this.#cooldowns.get(seat.id);
    return {
      seat,
      lock: this.#locks.get(seat.id),
      extensions: this.#holds.get(userId)?.get(seat.id) ?? 0,
      isCooling: cooldown?.userId === userId && nowMs <= cooldown.untilMs,
    };
  }

  /** If this store is older than the position of the caller, its epoch ends. */
  #isKnown({ epoch, seq }: Position): boolean {
    if (this.#epoch !== epoch) return false;
    if (this.#seq < seq) this.#epoch = '';
    return this.#seq >= seq;
  }

  #keep(key: string, answer: Answer, nowMs: number): void {
    forgetOverdue(this.#answers, ({ untilMs }) => untilMs <= nowMs);
    this.#answers.set(key, { answer, untilMs: nowMs + answerKeptMs });
  }

  #liveHolds(userId: string, nowMs: number): number {
    let live = 0;
    for (const seatId of this.#holds.get(userId)?.keys() ?? []) if (isLocked(this.#locks.get(seatId), nowMs)) live++;
    return live;
  }

  #noteHold({ type, reason, userId }: Transition, seatId: string): void {
    if (type !== 'held') {
      this.#forgetHold(userId, seatId);
      return;
    }
    const holds = this.#holds.get(userId) ?? new Map<string, number>();
    holds.set(seatId, reason === undefined ? 0 : (holds.get(seatId) ?? 0) + Number(reason === 'extended'));
    this.#holds.set(userId, holds);
  }

  #forgetHold(userId: string, seatId: string): void {
    const holds = this.#holds.get(userId);
    holds?.delete(seatId);
    if (holds?.size === 0) this.#holds.delete(userId);
  }

  #commit(seat: Seat, transition: Transition, nowMs: number, events: SeatEvent[]): void {
    const { holdTtlMs, reholdCooldownMs = 0 } = this.#options;
    if (reholdCooldownMs > 0 && startsCooldown(transition, this.#locks.get(seat.id), nowMs, holdTtlMs)) {
      this.#cooldowns.set(seat.id, { userId: transition.userId, untilMs: nowMs + reholdCooldownMs });
    }
    const event = eventOf(seat, transition, { nowMs, epoch: this.#epoch, seq: ++this.#seq });
    const lock = lockAfter(transition);
    if (lock) this.#locks.set(seat.id, lock);
    else this.#locks.delete(seat.id);
    this.#noteHold(transition, seat.id);
    this.#seats.set(seat.id, seatWith(seat, stateAfter(event)));
    this.#events.push(event);
    events.push(event);
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    const history = await this.eventsAsDecided(position, limit);
    const events = history.events?.map((event) => ({ ...event, epoch: this.#epoch }));
    return { ...history, ...(events && { events }) };
  }

  async eventsAsDecided(position: Position, limit: number): Promise<History> {
    const isOfThisEpoch = position.epoch === this.#epoch;
    if (this.#epoch === '' || (isOfThisEpoch && !this.#isKnown(position))) {
      throw new VenueLostError('not the venue known');
    }
    const now = { epoch: this.#epoch, seq: this.#seq, nowMs: this.#options.nowMs() };
    const oldestSeq = this.#events[0]?.seq ?? this.#seq + 1;
    if (!isOfThisEpoch || position.seq + 1 < oldestSeq) return now;
    const first = position.seq + 1 - oldestSeq;
    return { ...now, events: this.#events.slice(first, first + limit) };
  }

  async relayedPosition(): Promise<Position | undefined> {
    return this.#relayed;
  }

  async markRelayed(position: Position): Promise<void> {
    if (position.epoch !== this.#epoch || (this.#relayed && this.#relayed.seq >= position.seq)) return;
    this.#relayed = position;
    this.#trim();
  }

  async ledgerPosition(): Promise<Position | undefined> {
    return this.#ledger;
  }

  async markLedger(position: Position): Promise<void> {
    if (position.epoch !== this.#epoch || (this.#ledger && this.#ledger.seq >= position.seq)) return;
    this.#ledger = position;
    this.#trim();
  }

  #trim(): void {
    const seq = Math.min(this.#relayed?.seq ?? 0, this.#ledger?.seq ?? Number.POSITIVE_INFINITY);
    this.#events = this.#events.filter((event) => event.seq >= seq - this.#options.keepEvents);
  }

  async audit(): Promise<void> {}

  async checkWritable(): Promise<void> {}
}

/** `map` is in the order in which its entries become overdue. */
function forgetOverdue<Value>(map: Map<string, Value>, isOverdue: (value: Value) => boolean): void {
  for (const [key, value] of map) {
    if (!isOverdue(value)) break;
    map.delete(key);
  }
}
