export interface Rate {
  perSecond: number;
  /** Maximum number of tokens that can be taken at once. */
  burst: number;
}

const hostNowMs = () => performance.now();

/** A synchronous token bucket: messages keep their order. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  #tokens: number;
  #filledAtMs: number;

  constructor(rate: Rate, nowMs = hostNowMs) {
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

  /** Takes any number of tokens, on credit if necessary. The debt is at most the burst. */
  charge(tokens: number): void {
    this.#fill();
    this.#tokens = Math.max(-this.#rate.burst, this.#tokens - tokens);
  }

  /** Time until a token is available. */
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
