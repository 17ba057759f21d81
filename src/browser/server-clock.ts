/** A message without a round trip may have waited on the way for that long. */
const unknownDelayMs = 2_000;
/** The clocks of two edges differ by a little. */
const toleranceMs = 100;
/** A monotonic clock may run wrong by this part of the time. */
const drift = 0.0005;

/**
 * The clock of Redis, as far as it is known here. It runs on a monotonic clock, because the device's own wall clock may
 * be wrong and may jump. A monotonic clock may stand still while the device sleeps, and the clock of Redis may be set.
 */
export class ServerClock {
  readonly #monotonicMs: () => number;
  #offsetMs = 0;
  #errorMs = Number.POSITIVE_INFINITY;
  #sampledAtMs = 0;
  /** True once a round trip was measured. */
  #isMeasured = false;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** `serverTimeS`: Unix seconds, as just received, of a message that was not asked for. */
  set(serverTimeS: number): void {
    // A message may be late by any time, so it cannot correct a measured clock backwards; the next PING can.
    if (this.#isMeasured && serverTimeS * 1000 - this.#monotonicMs() < this.#offsetMs) return;
    this.#take(serverTimeS * 1000, unknownDelayMs);
  }

  /** `serverTimeS`: Unix seconds, of a reply that was just received. */
  sample(serverTimeS: number, roundTripMs: number): void {
    this.#isMeasured = true;
    this.#take(serverTimeS * 1000 + roundTripMs / 2, roundTripMs / 2);
  }

  /** Keeps the more exact estimate, unless both cannot be true: then the server's clock or this one was set. */
  #take(serverMs: number, errorMs: number): void {
    const nowMs = this.#monotonicMs();
    const offsetMs = serverMs - nowMs;
    const knownErrorMs = this.#errorMs + (nowMs - this.#sampledAtMs) * drift;
    const isStep = Math.abs(offsetMs - this.#offsetMs) > errorMs + knownErrorMs + toleranceMs;
    if (!isStep && errorMs > knownErrorMs) return;
    this.#offsetMs = offsetMs;
    this.#errorMs = errorMs;
    this.#sampledAtMs = nowMs;
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
