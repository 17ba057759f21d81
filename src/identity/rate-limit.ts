import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RefusedError } from '../http/refused-error.ts';

/** Fixed-window rate limit per key, counted per process. */
export class RateLimit {
  readonly #limiter: RateLimiterMemory;
  readonly #maxPoints: number;
  readonly #message: string;

  /** A refused client gets `message`, followed by the time of its next attempt. */
  constructor({ points, seconds, message }: { points: number; seconds: number; message: string }) {
    this.#limiter = new RateLimiterMemory({ points, duration: seconds });
    this.#maxPoints = points;
    this.#message = message;
  }

  /** Rejects with a `RefusedError` RATE_LIMITED that contains the time to retry. A cost above the limit uses up all of it. */
  async count(key: string, points = 1): Promise<void> {
    try {
      await this.#limiter.consume(key, Math.min(points, this.#maxPoints));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw rateLimited(this.#message, error.msBeforeNext);
    }
  }

  /** Reverts one call of `count`. */
  async giveBack(key: string): Promise<void> {
    await this.#limiter.reward(key);
  }
}

export function rateLimited(message: string, retryAfterMs: number): RefusedError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new RefusedError('RATE_LIMITED', `${message}; try again in ${seconds} s`, { retryAfterMs });
}
