import type { Clock } from '../process/clock.ts';

const maxNames = 64;
/** A check is repeated because the first reply may come from a process that is behind; G5 allows 2 s after a fault. */
const repeatAfterMs = 500;

/** Remembers names that were checked, so that a stream of messages under one name leads to one check. */
export class OncePerName {
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** Time of the last check, by name. The name seen longest ago is evicted first. */
  readonly #checkedAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** True for the first message under this name. */
  isNew(name: string): boolean {
    return this.#check(name, Number.POSITIVE_INFINITY);
  }

  /** True for the first message under this name, and again every 500 ms. */
  isDue(name: string): boolean {
    return this.#check(name, repeatAfterMs);
  }

  clear(): void {
    this.#checkedAtMs.clear();
  }

  #check(name: string, afterMs: number): boolean {
    const nowMs = this.#clock.nowMs();
    const checkedAtMs = this.#checkedAtMs.get(name);
    const isDue = checkedAtMs === undefined || nowMs - checkedAtMs >= afterMs;
    this.#checkedAtMs.delete(name);
    this.#checkedAtMs.set(name, isDue ? nowMs : checkedAtMs);
    const [oldest] = this.#checkedAtMs.keys();
    if (oldest !== undefined && this.#checkedAtMs.size > maxNames) this.#checkedAtMs.delete(oldest);
    return isDue;
  }
}
