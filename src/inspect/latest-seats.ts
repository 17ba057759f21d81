import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';

/** True until the first transition of the seat: its state is known without a message from a process. */
export const isUntouched = ({ status, seq }: Pick<Seat, 'status' | 'seq'>): boolean =>
  seq === 0 && status === SeatStatus.available;

/** The seats of a show that changed last, oldest change first: the seats of `all` in a show with more seats than fit. */
export class LatestSeats {
  readonly #max: number;
  readonly #ids: Set<string>;

  constructor(seats: Iterable<Seat>, max: number) {
    const touched = [...seats].filter((seat) => !isUntouched(seat)).sort((a, b) => a.seq - b.seq);
    this.#max = max;
    this.#ids = new Set(touched.slice(-max).map(({ id }) => id));
  }

  get ids(): string[] {
    return [...this.#ids];
  }

  /** `isNew`: the seat was not among them. `dropped`: the seat that no longer is. */
  change(seatId: string): { isNew: boolean; dropped: string | undefined } {
    const isNew = !this.#ids.delete(seatId);
    this.#ids.add(seatId);
    if (this.#ids.size <= this.#max) return { isNew, dropped: undefined };
    const [dropped] = this.#ids;
    if (dropped !== undefined) this.#ids.delete(dropped);
    return { isNew, dropped };
  }
}
