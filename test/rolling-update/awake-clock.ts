const tickMs = 20;

/**
 * Counts only the time in which this process was able to run. On a busy machine an event loop stands still for a while:
 * that time says nothing about the system under test.
 */
export class AwakeClock {
  readonly #timer = setInterval(() => this.nowMs(), tickMs);
  #lastMs = performance.now();
  #awakeMs = 0;
  stalledMs = 0;

  nowMs(): number {
    const elapsedMs = performance.now() - this.#lastMs;
    this.#lastMs += elapsedMs;
    const awakeMs = Math.min(elapsedMs, 2 * tickMs);
    this.#awakeMs += awakeMs;
    this.stalledMs += elapsedMs - awakeMs;
    return this.#awakeMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
