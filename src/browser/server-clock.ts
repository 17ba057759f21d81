/** Assumed delay of a message without a measured round trip. */
const unknownDelayMs = 2_000;
/** The clocks of two edges differ slightly. */
const toleranceMs = 100;
/** Assumed relative error of a monotonic clock. */
const drift = 0.0005;

/**
 * An estimate of the clock of Redis. It runs on a monotonic clock, because the wall clock of the device may be wrong and
 * may jump. A monotonic clock may stop while the device sleeps, and the clock of Redis may be set.
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

  /** `serverTimeS`: Unix seconds in a message that just arrived without a request. */
  set(serverTimeS: number): void {
    // A message may be arbitrarily late, so it cannot set a measured clock back; the next PING can.
    if (this.#isMeasured && serverTimeS * 1000 - this.#monotonicMs() < this.#offsetMs) return;
    this.#take(serverTimeS * 1000, unknownDelayMs);
  }

  /** `serverTimeS`: Unix seconds in a reply that just arrived. */
  sample(serverTimeS: number, roundTripMs: number): void {
    this.#isMeasured = true;
    this.#take(serverTimeS * 1000 + roundTripMs / 2, roundTripMs / 2);
  }

  /** Keeps the more exact estimate, unless the two contradict each other: then one of the clocks was set. */
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

/** Whole seconds to show as remaining: 1 until the end, then 0. */
export function secondsLeft(remainingMs: number): number {
  return Math.max(0, Math.ceil(remainingMs / 1000));
}

/** Time until the shown number of seconds changes; undefined once it is 0. */
export function msUntilNextSecond(remainingMs: number): number | undefined {
  if (remainingMs <= 0) return undefined;
  return remainingMs - (secondsLeft(remainingMs) - 1) * 1000;
}
