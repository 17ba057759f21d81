import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type { VenueSnapshot } from '../../src/store/seat-store.ts';
import { emptySeats, type VenueLayout } from '../../src/store/venue-layout.ts';
import type { World } from './world.ts';

export type Seats = ReadonlyMap<string, Seat>;

interface Entry {
  readonly event: SeatEvent | undefined;
  readonly seats: Seats;
  readonly atMs: number;
}

/** The venue as it follows from the events that the store committed, by rules of its own: an auditor's book. */
export class SeatLedger {
  readonly #world: World;
  readonly #layout: VenueLayout & HoldRules;
  readonly #entries = new Map<string, Entry>();
  readonly #versions = new Set<string>();
  /** In the order in which they were committed, of the present epoch. */
  #history: { position: Position; atMs: number }[] = [];
  /** Every event that led to what the store has, of whatever epoch. */
  log: readonly SeatEvent[] = [];
  position: Position = { epoch: '', seq: 0 };
  seats: Seats;

  constructor(world: World, layout: VenueLayout & HoldRules) {
    this.#world = world;
    this.#layout = layout;
    this.seats = this.#empty();
  }

  /** [G1] [G3] What the store has just decided must follow from what it decided before. */
  commit(event: SeatEvent, storeNowMs: number): void {
    const seat = this.seats.get(event.seat_id) as Seat;
    const isNext = event.epoch === this.position.epoch && event.seq === this.position.seq + 1;
    if (!isNext) this.#world.fail('R30', `${text(event)} follows ${JSON.stringify(this.position)}`);
    const objection = objectionTo(event, seat, storeNowMs);
    if (objection) this.#world.fail(objection.rule, `${objection.message}: ${text(event)} on ${JSON.stringify(seat)}`);

    if (event.type === 'held') this.#auditHolds(event, storeNowMs);
    const after: Seat = { id: seat.id, row: seat.row, col: seat.col, status: event.status, seq: event.seq };
    if (event.type !== 'released') after.held_by = event.user_id;
    if (event.type === 'held' && event.expires_at !== undefined) after.expires_at = event.expires_at;
    this.seats = new Map(this.seats).set(seat.id, after);
    this.position = { epoch: event.epoch, seq: event.seq };
    this.#enter(event);
    this.#world.count(`committed ${event.reason ?? event.type}`);
  }

  /** [R35] Before one more. */
  #auditHolds({ user_id }: SeatEvent, storeNowMs: number): void {
    const isLive = (seat: Seat) =>
      seat.status === SeatStatus.held && seat.held_by === user_id && (seat.expires_at ?? 0) * 1000 >= storeNowMs;
    const held = [...this.seats.values()].filter(isLive).length;
    if (held >= this.#layout.maxHoldsPerUser) this.#world.fail('R35', `${user_id} holds ${held} and gets one more`);
  }

  /** The store was opened: at the position that is known, or with a new epoch. */
  opened({ epoch, seq, seats }: VenueSnapshot): void {
    if (epoch !== this.position.epoch) {
      this.position = { epoch, seq };
      this.#history = [];
      this.#enter(undefined);
    }
    const same = seats.every((seat) => isSameSeat(seat, this.seats.get(seat.id)));
    if (seq !== this.position.seq || !same) this.#world.fail('R30', `The snapshot at ${epoch}:${seq} is not its log`);
  }

  wiped(): void {
    this.position = { epoch: '', seq: 0 };
    this.seats = this.#empty();
    this.#history = [];
    this.log = [];
  }

  backup(): () => void {
    const { position, seats, log } = this;
    const history = [...this.#history];
    return () => {
      this.position = position;
      this.seats = seats;
      this.#history = history;
      this.log = log;
    };
  }

  /** The venue at a position; undefined where it never was there. */
  seatsAt({ epoch, seq }: Position): Seats | undefined {
    return this.#entries.get(`${epoch}:${seq}`)?.seats;
  }

  hasEvent(event: SeatEvent): boolean {
    return text(this.#entries.get(`${event.epoch}:${event.seq}`)?.event) === text(event);
  }

  /** Whether the seat was ever so. */
  hasVersion(seat: Seat): boolean {
    return seat.seq === 0 || this.#versions.has(textOf(seat));
  }

  /** The newest position of the present epoch that is at least so old; undefined where there is none. */
  positionBefore(atMs: number): Position | undefined {
    return this.#history.findLast((entry) => entry.atMs <= atMs)?.position;
  }

  /** When the last event of the present epoch was committed. */
  get changedAtMs(): number | undefined {
    return this.#history.at(-1)?.atMs;
  }

  #enter(event: SeatEvent | undefined): void {
    const { epoch, seq } = this.position;
    const key = `${epoch}:${seq}`;
    const atMs = this.#world.nowMs;
    if (this.#entries.has(key)) this.#world.fail('R11', `${key} was there before, in another history`);
    this.#entries.set(key, { event, seats: this.seats, atMs });
    this.#history.push({ position: this.position, atMs });
    if (!event) return;
    this.log = [...this.log, event];
    this.#versions.add(textOf(this.seats.get(event.seat_id) as Seat));
  }

  #empty(): Seats {
    return new Map([...emptySeats(this.#layout)].map((seat) => [seat.id, seat]));
  }
}

function objectionTo(event: SeatEvent, seat: Seat, storeNowMs: number): { rule: string; message: string } | undefined {
  const g1 = (message: string) => ({ rule: 'G1', message });
  const endsAtMs = (seat.expires_at ?? 0) * 1000;
  switch (event.type) {
    case 'held':
      return seat.status === SeatStatus.available ? undefined : g1('Held, but it was not available');
    case 'booked':
      if (seat.status !== SeatStatus.held || seat.held_by !== event.user_id) return g1('Booked, but not by its holder');
      return storeNowMs > endsAtMs ? { rule: 'G3', message: 'Booked after the hold had ended' } : undefined;
    case 'released':
      if (seat.status !== SeatStatus.held || seat.held_by !== event.user_id) return g1('Released, but not held so');
      if (event.reason === 'expired' && storeNowMs <= endsAtMs) return { rule: 'G3', message: 'Ended early' };
      return undefined;
  }
}

export function isSameSeat(a: Seat | undefined, b: Seat | undefined): boolean {
  return a !== undefined && b !== undefined && textOf(a) === textOf(b);
}

function textOf({ id, status, held_by, expires_at, seq }: Seat): string {
  return `${id} ${status} ${held_by} ${expires_at} ${seq}`;
}

function text(event: SeatEvent | undefined): string {
  if (!event) return 'nothing';
  const { epoch, seq, type, seat_id, user_id, reason, timestamp } = event;
  return `${epoch}:${seq} ${seat_id} ${type} ${reason ?? ''} ${user_id} ${timestamp}`;
}
