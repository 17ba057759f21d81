import { type Clock, hostClock } from '../clock.ts';

const windowMs = 5_000;

/**
 * The store's clock, as far as it can be known here: the only clock for holds. It runs on this process's monotonic
 * clock, so an hour's jump of the host's time of day does nothing to it.
 */
export class StoreClock {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #offsetMs: number | undefined;
  #bestInWindowMs = Number.NEGATIVE_INFINITY;
  #windowEndsAtMs = 0;

  constructor(clock: Pick<Clock, 'nowMs'> = hostClock) {
    this.#clock = clock;
  }

  /** The store has just told its time. It told it a while before we hear it, so the greatest offset is the truest. */
  heard(storeNowMs: number): void {
    const atMs = this.#clock.nowMs();
    this.#bestInWindowMs = Math.max(this.#bestInWindowMs, storeNowMs - atMs);
    if (this.#offsetMs === undefined || this.#bestInWindowMs > this.#offsetMs || atMs >= this.#windowEndsAtMs) {
      this.#offsetMs = this.#bestInWindowMs;
    }
    if (atMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = atMs + windowMs;
      this.#bestInWindowMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** The times told from now on are another store's. */
  reset(): void {
    this.#offsetMs = undefined;
    this.#bestInWindowMs = Number.NEGATIVE_INFINITY;
    this.#windowEndsAtMs = 0;
  }

  /** Unix milliseconds. Before the store has told its time, our own is the best guess. */
  nowMs(): number {
    return this.#offsetMs === undefined ? Date.now() : this.#clock.nowMs() + this.#offsetMs;
  }

  /** Milliseconds until the lock of a hold is gone; 0 without a hold. */
  remainingMs(expiresAtSeconds: number | undefined): number {
    return expiresAtSeconds === undefined ? 0 : remainingMs(expiresAtSeconds, this.nowMs());
  }
}

/** Milliseconds until the lock of a hold is gone: it is still there in the millisecond in which it expires. */
export function remainingMs(expiresAtSeconds: number, storeNowMs: number): number {
  return Math.max(0, Math.ceil(expiresAtSeconds * 1000 + 1 - storeNowMs));
}
