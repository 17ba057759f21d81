import type { Seat } from '../protocol/seat.ts';

const zero = '0'.charCodeAt(0);

/** The seats of a show by their index in the plan, with the status of each as one character, and the seats of each user. */
export class SeatTable {
  #seats: Seat[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #indexesOf = new Map<string, Set<number>>();
  #statuses = Buffer.alloc(0);
  /** True while nobody else has `#statuses`. */
  #isStatusesOwn = true;

  get size(): number {
    return this.#seats.length;
  }

  /** A character per seat: 0, 1 or 2. Never changed afterwards, so it may wait in any number of sockets. */
  get statuses(): Buffer {
    this.#isStatusesOwn = false;
    return this.#statuses;
  }

  indexOf(id: string): number | undefined {
    return this.#indexes.get(id);
  }

  seat(index: number): Seat {
    const seat = this.#seats[index];
    if (!seat) throw new RangeError(`There is no seat ${index}`);
    return seat;
  }

  /** The seats that a user holds or has booked. */
  seatsOf(userId: string): Seat[] {
    return Array.from(this.#indexesOf.get(userId) ?? [], (index) => this.seat(index));
  }

  /** Takes over all seats, in the order of the plan. False if the seats differ from those before. */
  reset(seats: Iterable<Seat>): boolean {
    const next = [...seats];
    const areSame = next.length === this.size && next.every(({ id }, index) => id === this.#seats[index]?.id);
    this.#seats = next;
    this.#statuses = Buffer.from(Uint8Array.from(next, ({ status }) => zero + status));
    this.#isStatusesOwn = true;
    if (!areSame) this.#indexes.clear();
    this.#indexesOf.clear();
    for (const [index, { id, held_by }] of next.entries()) {
      if (!areSame) this.#indexes.set(id, index);
      if (held_by !== undefined) this.#take(held_by, index);
    }
    return areSame;
  }

  /** Returns the index of the seat; undefined if the table has no such seat. */
  update(seat: Seat): number | undefined {
    const index = this.#indexes.get(seat.id);
    if (index === undefined) return undefined;
    const before = this.seat(index).held_by;
    if (before !== seat.held_by) {
      if (before !== undefined) this.#give(before, index);
      if (seat.held_by !== undefined) this.#take(seat.held_by, index);
    }
    this.#seats[index] = seat;
    if (!this.#isStatusesOwn) {
      this.#statuses = Buffer.from(this.#statuses);
      this.#isStatusesOwn = true;
    }
    this.#statuses[index] = zero + seat.status;
    return index;
  }

  /** Indexes of the seats whose state is of a transition after `seq`. */
  changedSince(seq: number): number[] {
    const changed: number[] = [];
    for (let index = 0; index < this.#seats.length; index++) if (this.seat(index).seq > seq) changed.push(index);
    return changed;
  }

  #take(userId: string, index: number): void {
    const indexes = this.#indexesOf.get(userId);
    if (indexes) indexes.add(index);
    else this.#indexesOf.set(userId, new Set([index]));
  }

  #give(userId: string, index: number): void {
    const indexes = this.#indexesOf.get(userId);
    indexes?.delete(index);
    if (indexes?.size === 0) this.#indexesOf.delete(userId);
  }
}
