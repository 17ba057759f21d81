import type { SaleHistory } from './sale-history.ts';

/** Longest pause between two transitions, in real time: the replay shortens longer ones. */
const longestQuietMs = 3_000;

/** The time of a replay. It advances between two transitions, too, for the time left of holds. */
export class ReplayTime {
  readonly #history: Pick<SaleHistory, 'length' | 'atMs'>;
  #moment = 0;
  #nowMs = 0;

  constructor(history: Pick<SaleHistory, 'length' | 'atMs'>) {
    this.#history = history;
  }

  /** The number of transitions that have happened. */
  get moment(): number {
    return this.#moment;
  }

  /** Unix milliseconds in the sale. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get isAtEnd(): boolean {
    return this.#moment >= this.#history.length;
  }

  moveTo(moment: number): void {
    this.#moment = Math.max(0, Math.min(this.#history.length, moment));
    this.#nowMs = this.#history.atMs(this.#moment);
  }

  /** `realMs` have passed; the sale runs `speed` times as fast. */
  advance(realMs: number, speed: number): void {
    if (this.isAtEnd) return;
    const nextMs = this.#history.atMs(this.#moment + 1);
    this.#nowMs = Math.max(this.#nowMs + realMs * speed, nextMs - longestQuietMs * speed);
    while (!this.isAtEnd && this.#history.atMs(this.#moment + 1) <= this.#nowMs) this.#moment++;
  }
}
