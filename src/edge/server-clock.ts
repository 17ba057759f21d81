const maxSampleAgeMs = 10_000;

/**
 * The time at the server, estimated from the times it told and this process's monotonic clock: the wall clock of
 * an edge may be wrong by hours. Of several samples the latest time is the truest, as it had the least delay.
 */
export class ServerClock {
  readonly #nowMs: () => number;
  #offsetSeconds: number | undefined;
  #sampledAtMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Unix seconds. */
  now(): number {
    return (this.#offsetSeconds ?? 0) + this.#nowMs() / 1000;
  }

  sample(serverTime: number): void {
    const nowMs = this.#nowMs();
    const offsetSeconds = serverTime - nowMs / 1000;
    const outdated = nowMs - this.#sampledAtMs > maxSampleAgeMs;
    if (this.#offsetSeconds !== undefined && offsetSeconds < this.#offsetSeconds && !outdated) return;
    this.#offsetSeconds = offsetSeconds;
    this.#sampledAtMs = nowMs;
  }

  /** The times told from now on are another server's. */
  reset(): void {
    this.#offsetSeconds = undefined;
  }
}
