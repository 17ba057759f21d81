import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusedError } from '../http/refused-error.ts';

/** Fixed-window limit per key, counted by this process alone. */
export class RateLimit {
  readonly #limiter: RateLimiterMemory;
  readonly #maxPoints: number;
  readonly #message: string;

  /** `message`: the reason that a refused client is given, before the time of the next try. */
  constructor({ points, seconds, message }: { points: number; seconds: number; message: string }) {
    this.#limiter = new RateLimiterMemory({ points, duration: seconds });
    this.#maxPoints = points;
    this.#message = message;
  }

  /** Rejects with a `RefusedError` RATE_LIMITED that says when to retry. What costs more than the limit takes all of it. */
  async count(key: string, points = 1): Promise<void> {
    try {
      await this.#limiter.consume(key, Math.min(points, this.#maxPoints));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw rateLimited(this.#message, error.msBeforeNext);
    }
  }

  /** Takes back one call of `count`. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key);
  }
}

export function rateLimited(message: string, retryAfterMs: number): RefusedError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new RefusedError('RATE_LIMITED', `${message}; try again in ${seconds} s`, { retryAfterMs });
}
