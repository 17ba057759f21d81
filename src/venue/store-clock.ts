import { type Clock, hostClock } from '../process/clock.ts';

const windowMs = 5_000;
/** Typical maximum delay: calls of the store end within about this time, and heartbeats are published at once. */
const usualDelayAtMostMs = 1_000;
/** Smaller steps are inaccuracies in another process's estimate of the store's time. */
const leastStepMs = 100;

/**
 * An estimate of the store's clock, which is the only clock for holds. It runs on this process's monotonic clock, so jumps
 * of the host's time of day do not affect it.
 */
export class StoreClock {
  readonly #clock: Pick<Clock, 'nowMs'>;
  #offsetMs: number | undefined;
  #bestInWindowMs = Number.NEGATIVE_INFINITY;
  #windowEndsAtMs = 0;

  constructor(clock: Pick<Clock, 'nowMs'> = hostClock) {
    this.#clock = clock;
  }

  /**
   * Adopts a time that the store sent. It took at most `delayAtMostMs` to arrive, so the greatest offset is the most accurate. An offset
   * lower than any delay can explain shows that the store's clock stepped back.
   */
  synchronise(storeNowMs: number, delayAtMostMs = usualDelayAtMostMs): void {
    const atMs = this.#clock.nowMs();
    const offsetMs = storeNowMs - atMs;
    if (this.#offsetMs !== undefined && offsetMs + delayAtMostMs + leastStepMs < this.#offsetMs) this.reset();
    this.#bestInWindowMs = Math.max(this.#bestInWindowMs, offsetMs);
    if (this.#offsetMs === undefined || this.#bestInWindowMs > this.#offsetMs || atMs >= this.#windowEndsAtMs) {
      this.#offsetMs = this.#bestInWindowMs;
    }
    if (atMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = atMs + windowMs;
      this.#bestInWindowMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** Forgets the estimate: later times come from another store. */
  reset(): void {
    this.#offsetMs = undefined;
    this.#bestInWindowMs = Number.NEGATIVE_INFINITY;
    this.#windowEndsAtMs = 0;
  }

  /** Unix milliseconds. Until the store's time is known, the host's time is the best estimate. */
  nowMs(): number {
    return this.#offsetMs === undefined ? Date.now() : this.#clock.nowMs() + this.#offsetMs;
  }

  /** Unix seconds, to the millisecond: `server_time` of messages and replies. */
  serverTime(): number {
    return Math.round(this.nowMs()) / 1000;
  }

  /** Milliseconds until the lock of a hold has expired; 0 without a hold. */
  remainingMs(expiresAtSeconds: number | undefined): number {
    return expiresAtSeconds === undefined ? 0 : remainingMs(expiresAtSeconds, this.nowMs());
  }
}

/** Milliseconds until the lock of a hold has expired: it still exists in the millisecond of its expiry. */
export function remainingMs(expiresAtSeconds: number, storeNowMs: number): number {
  return Math.max(0, Math.ceil(expiresAtSeconds * 1000 + 1 - storeNowMs));
}
