import type { FastifyRequest } from 'fastify';
import type { Access, RateLimits } from './access.ts';
import { countedAddress } from './counted-address.ts';
import { RateLimit } from './rate-limit.ts';
import { requestTokens } from './request-token.ts';
import { SessionBuckets } from './session-buckets.ts';

/** An office or a lecture hall has many sessions; one machine may have as many, which together cost no more than this. */
const sessionsAtFullRatePerAddress = 10;

/** Counts the requests of each session that verifies, and of each address without one, by what they cost. */
export class RequestLimits {
  readonly #sessionCookie: string;
  readonly #addressOf: ReturnType<typeof countedAddress>;
  readonly #buckets: SessionBuckets;
  readonly #ofAddress: RateLimit;
  readonly #ofSession: RateLimit;
  readonly #ofSessionsOfAddress: RateLimit;

  constructor(access: Access, { requestsPerSecondPerAddress: points }: RateLimits) {
    this.#sessionCookie = access.sessionCookie;
    this.#addressOf = countedAddress(access);
    this.#buckets = new SessionBuckets({ sessions: access.sessions, checksPerSecondPerAddress: points });
    const message = 'Too many requests from your address';
    this.#ofAddress = new RateLimit({ points, seconds: 1, message });
    const pointsOfSessions = sessionsAtFullRatePerAddress * points;
    this.#ofSessionsOfAddress = new RateLimit({ points: pointsOfSessions, seconds: 1, message });
    this.#ofSession = new RateLimit({ points, seconds: 1, message: 'Too many requests of your session' });
  }

  /** Rejects with a `RefusedError` where the caller has spent its points. Undefined: not counted. */
  count(request: FastifyRequest): Promise<void> | undefined {
    const address = this.#addressOf(request);
    return address === undefined ? undefined : this.#count(request, address);
  }

  async #count({ headers, routeOptions }: FastifyRequest, address: string): Promise<void> {
    const { points } = routeOptions.config;
    const userId = await this.#buckets.userOf(requestTokens(headers, this.#sessionCookie), address);
    if (userId === undefined) return this.#ofAddress.count(address, points);
    await this.#ofSession.count(userId, points);
    await this.#ofSessionsOfAddress.count(address, points);
  }
}
