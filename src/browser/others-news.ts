import { SeatStatus } from '../protocol/seat-status.ts';
import { othersText } from './wording.ts';

const tellEveryMs = 15_000;

/** What others do, told as a count now and then: one by one it would drown everything else. */
export class OthersNews {
  readonly #tell: (text: string) => void;
  readonly #countAvailable: () => number;
  #taken = 0;
  #freed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (text: string) => void, countAvailable: () => number) {
    this.#tell = tell;
    this.#countAvailable = countAvailable;
  }

  /** What someone else's seat has become. That a held one is booked takes it from nobody. */
  add(status: SeatStatus): void {
    if (status === SeatStatus.booked) return;
    if (status === SeatStatus.held) this.#taken++;
    else this.#freed++;
    this.#timer ??= setTimeout(() => this.#flush(), tellEveryMs);
  }

  #flush(): void {
    this.#tell(othersText(this.#taken, this.#freed, this.#countAvailable()));
    this.#taken = 0;
    this.#freed = 0;
    this.#timer = undefined;
  }
}
