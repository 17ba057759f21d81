import type { Clock } from './clock.ts';

/** Does something again and again, one round at a time. */
export class Rounds {
  readonly #options: { clock: Clock; intervalMs: number; round: () => Promise<void> };
  #timer: unknown;
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** `intervalMs`: from the end of a round to the next one. `round` must not reject. */
  constructor(options: { clock: Clock; intervalMs: number; round: () => Promise<void> }) {
    this.#options = options;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The first round begins after `delayMs`. */
  start(delayMs: number): void {
    const { clock, intervalMs, round } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#running = round().finally(() => {
        if (!this.#isStopped) this.start(intervalMs);
      });
    }, delayMs);
  }

  /** Waits for the round under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#running;
  }
}
