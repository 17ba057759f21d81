import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { oneOf } from '../http/seat-command.ts';

/** The free seats that no user of this run is using, so that users do not compete. */
export class SeatPool {
  readonly #all: string[];
  readonly #free: string[];
  readonly #keep: number;
  #next = 0;

  /** At least `keep` seats are never booked, so that the load lasts until the end of the run. */
  constructor(seats: Iterable<Seat>, keep: number) {
    const venue = [...seats];
    this.#all = venue.map(({ id }) => id);
    this.#free = venue.filter(({ status }) => status === SeatStatus.available).map(({ id }) => id);
    this.#keep = 2 * keep;
  }

  /** A free seat. If there is none, any seat: users then compete, and one of them is refused. */
  take(): string {
    const id = this.#free[this.#next];
    if (id === undefined) return oneOf(this.#all);
    this.#next++;
    if (this.#next > 10_000) {
      this.#free.splice(0, this.#next);
      this.#next = 0;
    }
    return id;
  }

  giveBack(seatIds: readonly string[]): void {
    this.#free.push(...seatIds);
  }

  canSell(): boolean {
    return this.#free.length - this.#next > this.#keep;
  }
}
