const firstMs = 1_000;
const longestMs = 30_000;
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

/** Pause before an ended service is restarted: 1 s, doubled each time, at most 30 s. Restarts never stop. */
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
