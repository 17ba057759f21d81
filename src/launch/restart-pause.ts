const longestFactor = 30;
/** After running this long a service is well: its next end is a first one again. */
const wellAfterMs = 60_000;
const printIntervalMs = 60_000;

export interface Restart {
  pauseMs: number;
  /** Ends since the service was last well, this one included. */
  ends: number;
  /** True on the first end, whenever the pause has grown, and once a minute. */
  isToBePrinted: boolean;
}

/** The pause before a service that ended is restarted: it doubles each time, up to 30 times the first one. No service is given up. */
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
