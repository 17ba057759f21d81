import type { FastifyRequest } from 'fastify';
import type { Access, RateLimits } from './access.ts';
import { type CountedRequest, countedAddress } from './counted-address.ts';
import { RateLimit } from './rate-limit.ts';
import { requestTokens } from './request-token.ts';
import { SessionBuckets } from './session-buckets.ts';

/** An office has many sessions behind one address, but so may one attacker: all sessions of an address share this many rates. */
const sessionsAtFullRatePerAddress = 10;

/** Counts requests, weighted by cost, per valid session, or per address without a session. */
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

  /** Counts a request with the points of its route. Rejects with a `RefusedError` if the caller exceeds its rate. Undefined: not counted. */
  countRoute(request: FastifyRequest): Promise<void> | undefined {
    return this.count(request, pointsOfRoute(request));
  }

  /** As `countRoute`, with the given points. */
  count(request: CountedRequest, points: number | undefined): Promise<void> | undefined {
    const address = this.#addressOf(request);
    return address === undefined ? undefined : this.#count(request, address, points);
  }

  async #count({ headers }: CountedRequest, address: string, points: number | undefined): Promise<void> {
    const userId = await this.#buckets.userOf(requestTokens(headers, this.#sessionCookie), address);
    if (userId === undefined) return this.#ofAddress.count(address, points);
    await this.#ofSession.count(userId, points);
    await this.#ofSessionsOfAddress.count(address, points);
  }
}

function pointsOfRoute(request: FastifyRequest): number | undefined {
  const { points } = request.routeOptions.config;
  return typeof points === 'function' ? points(request) : points;
}
