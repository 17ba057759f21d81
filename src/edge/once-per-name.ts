import type { Clock } from '../process/clock.ts';

const maxNames = 64;
/** G5 allows 2 s after a fault, and the first reply may come from a process that is behind. */
const repeatAfterMs = 500;

/** Remembers names that were looked into, so that a stream of messages under one name leads to one look. */
export class OncePerName {
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** By name: when it was looked into. The one that was named longest ago is forgotten first. */
  readonly #lookedAtMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** True for the first message under this name. */
  isNew(name: string): boolean {
    return this.#look(name, Number.POSITIVE_INFINITY);
  }

  /** True for the first message under this name, and again every 500 ms. */
  isDue(name: string): boolean {
    return this.#look(name, repeatAfterMs);
  }

  clear(): void {
    this.#lookedAtMs.clear();
  }

  #look(name: string, afterMs: number): boolean {
    const nowMs = this.#clock.nowMs();
    const lookedAtMs = this.#lookedAtMs.get(name);
    const isDue = lookedAtMs === undefined || nowMs - lookedAtMs >= afterMs;
    this.#lookedAtMs.delete(name);
    this.#lookedAtMs.set(name, isDue ? nowMs : lookedAtMs);
    const [oldest] = this.#lookedAtMs.keys();
    if (this.#lookedAtMs.size > maxNames) this.#lookedAtMs.delete(oldest as string);
    return isDue;
  }
}
