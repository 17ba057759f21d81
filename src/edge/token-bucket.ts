export interface Rate {
  perSecond: number;
  /** The most tokens that can be taken at once, after a pause. */
  burst: number;
}

/** Token bucket: a rate per second, and a burst after a pause. Synchronous, so that messages keep their order. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: Rate, nowMs = () => performance.now()) {
    this.#rate = rate;
    this.#nowMs = nowMs;
    this.#tokens = rate.burst;
    this.#filledAtMs = nowMs();
  }

  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Takes more than one token, on credit if need be. The debt is bounded by the burst, and so is the time to pay it. */
  charge(tokens: number): void {
    this.#fill();
    this.#tokens = Math.max(-this.#rate.burst, this.#tokens - tokens);
  }

  /** Until there is a token to take. */
  get waitMs(): number {
    this.#fill();
    return Math.max(0, ((1 - this.#tokens) / this.#rate.perSecond) * 1000);
  }

  #fill(): void {
    const nowMs = this.#nowMs();
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * perSecond);
    this.#filledAtMs = nowMs;
  }
}
