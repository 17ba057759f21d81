import { SeatStatus } from '../protocol/seat-status.ts';
import { othersText } from './wording.ts';

const announceEveryMs = 15_000;

/** Announces the changes by other users as a count, from time to time. One announcement per change would drown everything else. */
export class OthersEvents {
  readonly #announce: (text: string) => void;
  readonly #countAvailable: () => number;
  #taken = 0;
  #freed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(announce: (text: string) => void, countAvailable: () => number) {
    this.#announce = announce;
    this.#countAvailable = countAvailable;
  }

  /** Counts the new status of a seat of another user. A booking does not count: the seat was held, so not available. */
  add(status: SeatStatus): void {
    if (status === SeatStatus.booked) return;
    if (status === SeatStatus.held) this.#taken++;
    else this.#freed++;
    this.#timer ??= setTimeout(() => this.#flush(), announceEveryMs);
  }

  #flush(): void {
    this.#announce(othersText(this.#taken, this.#freed, this.#countAvailable()));
    this.#taken = 0;
    this.#freed = 0;
    this.#timer = undefined;
  }
}
