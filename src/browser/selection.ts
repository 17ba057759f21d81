import type { Seat } from '../protocol/seat.ts';

/** Which of the user's held seats the panel shows. */
export class Selection {
  #chosenId: string | undefined;

  choose(seatId: string): void {
    this.#chosenId = seatId;
  }

  /** The chosen seat while it is held, else the one held last: holds are not extended, so the highest `seq`. */
  current(holds: readonly Seat[]): Seat | undefined {
    const chosen = holds.find(({ id }) => id === this.#chosenId);
    if (chosen) return chosen;
    return holds.reduce<Seat | undefined>((last, seat) => (last && last.seq > seat.seq ? last : seat), undefined);
  }
}
