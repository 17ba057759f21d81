import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusedError } from '../http/refused-error.ts';

/** So many of something for each key in a time. Counted by this process alone. */
export class RateLimit {
  readonly #limiter: RateLimiterMemory;
  readonly #message: string;

  /** `message`: what whoever does it more often is told. */
  constructor({ points, seconds, message }: { points: number; seconds: number; message: string }) {
    this.#limiter = new RateLimiterMemory({ points, duration: seconds });
    this.#message = message;
  }

  /** Rejects with a `RefusedError` RATE_LIMITED that says when to come again. */
  async count(key: string): Promise<void> {
    try {
      await this.#limiter.consume(key);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw new RefusedError('RATE_LIMITED', this.#message, { retryAfterMs: error.msBeforeNext });
    }
  }

  /** What was counted last for the key came to nothing. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key);
  }
}
