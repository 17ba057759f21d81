import { randomInt } from 'node:crypto';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';

/** No more than a user may hold by default. */
const groupSize = { least: 2, most: 6 };
/** Few enough that groups overlap, and enough that about half of them find free seats. */
const seatsPerUser = 10;

/** The first seats of the plan that are not booked: all users want groups of these. */
export class WantedSeats {
  readonly #unsold: string[];
  readonly #wanted: number;

  /** `seats`: in the order of the plan. */
  constructor(seats: Iterable<Seat>, users: number) {
    this.#unsold = [...seats].filter(({ status }) => status !== SeatStatus.booked).map(({ id }) => id);
    this.#wanted = seatsPerUser * users;
  }

  /** Seats that follow each other in the plan, apart from booked ones. */
  group(): string[] {
    const size = randomInt(groupSize.least, groupSize.most + 1);
    const wanted = Math.min(this.#wanted, this.#unsold.length);
    const start = randomInt(Math.max(1, wanted - size + 1));
    return this.#unsold.slice(start, start + size);
  }

  booked(seatIds: readonly string[]): void {
    for (const seatId of seatIds) {
      const index = this.#unsold.indexOf(seatId);
      if (index >= 0) this.#unsold.splice(index, 1);
    }
  }

  /** As many seats as users want at once are never booked, so that the load lasts until the end of the run. */
  canSell(): boolean {
    return this.#unsold.length > this.#wanted;
  }
}
