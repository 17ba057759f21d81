/**
 * The clock of Redis, as far as it is known here. It runs on a monotonic clock: the device's own wall clock may be
 * wrong, and may jump.
 */
export class ServerClock {
  readonly #monotonicMs: () => number;
  #offsetMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** `serverTimeS`: Unix seconds, as just received. */
  set(serverTimeS: number): void {
    this.#offsetMs = serverTimeS * 1000 - this.#monotonicMs();
  }

  /** The server's clock is known to show at least this: a monotonic clock may stand still while the device sleeps. */
  atLeast(serverTimeS: number): void {
    this.#offsetMs = Math.max(this.#offsetMs, serverTimeS * 1000 - this.#monotonicMs());
  }

  msUntil(serverTimeS: number): number {
    return serverTimeS * 1000 - this.#monotonicMs() - this.#offsetMs;
  }
}

/** Whole seconds to show for what is left: 1 until the very end, then 0. */
export function secondsLeft(remainingMs: number): number {
  return Math.max(0, Math.ceil(remainingMs / 1000));
}

/** How long the shown number of seconds stays true; undefined once it is 0. */
export function msUntilNextSecond(remainingMs: number): number | undefined {
  if (remainingMs <= 0) return undefined;
  return remainingMs - (secondsLeft(remainingMs) - 1) * 1000;
}
