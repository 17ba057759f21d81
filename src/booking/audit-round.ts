import type { Seat } from '../protocol/seat.ts';

const seatsPerAudit = 256;

/** Goes through all seats, some at each call, again and again. */
export class AuditRound {
  #rest: Iterator<Seat> | undefined;

  /** `seats`: all of them, from the start at each new round. */
  next(seats: Iterable<Seat>): Seat[] {
    this.#rest ??= seats[Symbol.iterator]();
    const next: Seat[] = [];
    while (next.length < seatsPerAudit) {
      const { value, done } = this.#rest.next();
      if (done) {
        this.#rest = undefined;
        break;
      }
      next.push(value);
    }
    return next;
  }
}
