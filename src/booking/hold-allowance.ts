import type { FastifyRequest } from 'fastify';
import { RateLimit } from '../identity/rate-limit.ts';
import type { Answer } from '../store/seat-store.ts';

/**
 * How many seats one address may take within the time of a hold, whatever the number of its users: that is what stops one
 * machine with a thousand sessions from keeping them all. Counted before it is decided, so that many at once are no way round.
 */
export class HoldAllowance {
  readonly #limit: RateLimit;

  constructor({ holdsPerAddress, holdTtlMs }: { holdsPerAddress: number; holdTtlMs: number }) {
    const message = 'Many seats were held from your address just now; wait a moment';
    this.#limit = new RateLimit({ points: holdsPerAddress, seconds: holdTtlMs / 1000, message });
  }

  /**
   * Rejects with a `RefusedError` RATE_LIMITED where there is nothing left of it. What does not come from a proxy or an edge of
   * ours is not counted.
   */
  async spend({ ip, headers }: FastifyRequest, select: () => Promise<Answer>): Promise<Answer> {
    if (headers['x-forwarded-for'] === undefined) return select();
    await this.#limit.count(ip);
    const answer = await select();
    if (answer.refusal) await this.#limit.giveBack(ip);
    return answer;
  }
}
