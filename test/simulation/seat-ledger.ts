import { SeatLog } from '../../bench/audit/seat-log.ts';
import { isSameSeat, type LoggedSeat, type SeatRules } from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { type GridSize, gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type { VenueSnapshot } from '../../src/store/seat-store.ts';
import type { Commit } from './strict-serializability.ts';
import type { World } from './world.ts';

export type Seats = ReadonlyMap<string, Seat>;

interface Entry {
  readonly event: SeatEvent | undefined;
  readonly seats: Seats;
  readonly atMs: number;
}

/** The venue as it follows from the events that the store committed. Keeps each position, in every epoch. */
export class SeatLedger {
  readonly #world: World;
  readonly #entries = new Map<string, Entry>();
  readonly #rules: SeatRules;
  /** Each state that a seat ever had; after a restored backup, two events can make the same one. */
  readonly #versions = new Map<string, LoggedSeat[]>();
  /** Of the current epoch, in the order of commits. */
  #history: { position: Position; atMs: number }[] = [];
  /** Every event that led to the seats of the store, of all epochs. */
  log: readonly SeatEvent[] = [];
  /** Every event, those of lost data too. */
  readonly commits: Commit[] = [];
  position: Position = { epoch: '', seq: 0 };
  /** Before the first event. */
  readonly first: Seats;
  seats: Seats;
  /** By seat: how often its hold has been extended. */
  extensions: ReadonlyMap<string, number> = new Map();

  constructor(world: World, layout: GridSize & HoldRules) {
    this.#world = world;
    const { holdTtlMs, maxHoldsPerUser, maxExtensions = 0 } = layout;
    this.#rules = { holdTtlMs, maxHoldsPerUser, maxExtensions };
    this.first = new Map([...emptySeats(gridPlan(layout))].map((seat) => [seat.id, seat]));
    this.seats = this.first;
  }

  /** [G1] [G3] [R30] [R35] [R395] Each event must follow from the events before it. */
  commit(event: SeatEvent, storeNowMs: number): void {
    if (event.epoch !== this.position.epoch) {
      this.#world.fail('R30', `${text(event)} follows ${JSON.stringify(this.position)}`);
    }
    const { seats, extensions, position } = this;
    const log = new SeatLog({ seats, seq: position.seq, extensions }, this.#rules);
    for (const { rule, message } of log.append(event, storeNowMs).broken) {
      this.#world.fail(rule, `${text(event)}: ${message}`);
    }
    this.seats = log.seats;
    this.extensions = log.extensions;
    this.position = { epoch: event.epoch, seq: event.seq };
    this.#enter(event);
    this.#world.count(`committed ${event.reason ?? event.type}`);
  }

  /** The store was opened: at the known position, or with a new epoch. */
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
    this.seats = this.first;
    this.extensions = new Map();
    this.#history = [];
    this.log = [];
  }

  backup(): () => void {
    const { position, seats, extensions, log } = this;
    const history = [...this.#history];
    return () => {
      this.position = position;
      this.seats = seats;
      this.extensions = extensions;
      this.#history = history;
      this.log = log;
    };
  }

  /** The venue at a position; undefined if it was never there. */
  seatsAt({ epoch, seq }: Position): Seats | undefined {
    return this.#entries.get(`${epoch}:${seq}`)?.seats;
  }

  hasEvent(event: SeatEvent): boolean {
    return text(this.#entries.get(`${event.epoch}:${event.seq}`)?.event) === text(event);
  }

  /** The events that made the seat this way; empty: it never was. */
  versionsOf(seat: Seat): readonly LoggedSeat[] {
    return seat.seq === 0 ? [{ seat }] : (this.#versions.get(textOf(seat)) ?? []);
  }

  /** The newest position of the current epoch that is at least this old; undefined if there is none. */
  positionBefore(atMs: number): Position | undefined {
    return this.#history.findLast((entry) => entry.atMs <= atMs)?.position;
  }

  /** When the last event of the current epoch was committed. */
  get changedAtMs(): number | undefined {
    return this.#history.at(-1)?.atMs;
  }

  #enter(event: SeatEvent | undefined): void {
    const { epoch, seq } = this.position;
    const key = `${epoch}:${seq}`;
    const atMs = this.#world.nowMs;
    if (this.#entries.has(key)) this.#world.fail('R11', `${key} exists twice`);
    this.#entries.set(key, { event, seats: this.seats, atMs });
    this.#history.push({ position: this.position, atMs });
    if (!event) return;
    this.log = [...this.log, event];
    this.commits.push({ event, atMs });
    const seat = this.seats.get(event.seat_id) as Seat;
    const versions = this.#versions.get(textOf(seat));
    if (versions) versions.push({ seat, event });
    else this.#versions.set(textOf(seat), [{ seat, event }]);
  }
}

function textOf({ id, status, held_by, expires_at, seq }: Seat): string {
  return `${id} ${status} ${held_by} ${expires_at} ${seq}`;
}

function text(event: SeatEvent | undefined): string {
  if (!event) return 'nothing';
  const { epoch, seq, type, seat_id, user_id, reason, timestamp } = event;
  return `${epoch}:${seq} ${seat_id} ${type} ${reason ?? ''} ${user_id} ${timestamp}`;
}
