const firstMs = 1_000;
const longestMs = 30_000;
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

/** How long a service that ended is left alone: 1 s, twice as long each time, 30 s at most. It is never given up. */
export class RestartPause {
  #ends = 0;
  #readySinceMs: number | undefined;
  #printedAtMs = 0;

  ready(nowMs: number): void {
    this.#readySinceMs = nowMs;
  }

  ended(nowMs: number): Restart {
    if (this.#readySinceMs !== undefined && nowMs - this.#readySinceMs >= wellAfterMs) this.#ends = 0;
    this.#readySinceMs = undefined;
    const hasGrown = pauseAfter(this.#ends + 1) > pauseAfter(this.#ends);
    this.#ends++;
    const isToBePrinted = this.#ends === 1 || hasGrown || nowMs - this.#printedAtMs >= printIntervalMs;
    if (isToBePrinted) this.#printedAtMs = nowMs;
    return { pauseMs: pauseAfter(this.#ends), ends: this.#ends, isToBePrinted };
  }
}

const pauseAfter = (ends: number) => Math.min(firstMs * 2 ** (ends - 1), longestMs);
