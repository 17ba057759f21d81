const longestFactor = 30;
/** After running this long a service counts as healthy, and its pause starts over. */
const wellAfterMs = 60_000;
const printIntervalMs = 60_000;

export interface Restart {
  pauseMs: number;
  /** Number of ends since the service was last healthy, including this one. */
  ends: number;
  /** True at the first end, when the pause has grown, and once a minute. */
  isToBePrinted: boolean;
}

/** Pause before an ended service is restarted: it doubles each time, up to 30 times the first pause. Restarts never stop. */
export class RestartPause {
  readonly #firstMs: number;
  #ends = 0;
  #readySinceMs: number | undefined;
  #printedAtMs = 0;

  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  ready(nowMs: number): void {
    this.#readySinceMs = nowMs;
  }

  ended(nowMs: number): Restart {
    if (this.#readySinceMs !== undefined && nowMs - this.#readySinceMs >= wellAfterMs) this.#ends = 0;
    this.#readySinceMs = undefined;
    const hasGrown = this.#pauseAfter(this.#ends + 1) > this.#pauseAfter(this.#ends);
    this.#ends++;
    const isToBePrinted = this.#ends === 1 || hasGrown || nowMs - this.#printedAtMs >= printIntervalMs;
    if (isToBePrinted) this.#printedAtMs = nowMs;
    return { pauseMs: this.#pauseAfter(this.#ends), ends: this.#ends, isToBePrinted };
  }

  #pauseAfter(ends: number): number {
    return this.#firstMs * Math.min(2 ** (ends - 1), longestFactor);
  }
}
