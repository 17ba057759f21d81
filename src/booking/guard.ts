import { allowOrigins } from '../http/cors.ts';
import { foreignHost, isOwnHost } from '../http/host.ts';
import type { HttpApp } from '../http/http-app.ts';
import { forbiddenOrigin, isAllowedOrigin } from '../http/origin.ts';
import type { Access } from '../identity/access.ts';
import { actingUser, sessionOf } from '../identity/acting-user.ts';
import type { CountedRequest } from '../identity/counted-address.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { RequestLimits } from '../identity/request-limits.ts';
import { requestTokens } from '../identity/request-token.ts';

/** Methods throw, or reject with, a `RefusedError` if the caller may not act or exceeds its rate. */
export interface Guard {
  /** The acting user, synchronously if no token must be verified. */
  identifyUser(request: Pick<CountedRequest, 'headers'>, claimed: string | undefined): string | Promise<string>;
  /** Counts a request that arrived as a part of another one. */
  countRequest(request: CountedRequest): Promise<void>;
  /** Counts a command: each of its seats costs as much as a command on one seat. */
  countCommand(request: CountedRequest, userId: string, seats: number): Promise<void>;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Checks every request before its route: first the rate, so that refused requests count too, then the Host, and the Origin
 * of requests that may change something. The guard that it returns is for the routes of commands.
 */
export async function installGuard(app: HttpApp, access: Access): Promise<Guard> {
  const { sessions, sessionCookie, authMode, allowedHosts, allowedOrigins, rateLimits } = access;
  const limits = rateLimits && new RequestLimits(access, rateLimits);
  await allowOrigins(app, allowedOrigins, async (request) => limits?.countRoute(request));
  if (limits) {
    app.addHook('onRequest', (request, _reply, done) => {
      const counted = limits.countRoute(request);
      if (counted) counted.then(() => done(), done);
      else done();
    });
  }
  app.addHook('onRequest', ({ method, url, headers, protocol: scheme }, _reply, done) => {
    const { origin, host, 'sec-fetch-site': fetchSite } = headers;
    if (url.startsWith('/api/') && !isOwnHost({ host, fetchSite, scheme }, allowedHosts)) done(foreignHost(host));
    else if (safeMethods.has(method) || isAllowedOrigin({ origin, host, fetchSite, scheme }, allowedOrigins)) done();
    else done(forbiddenOrigin(origin));
  });
  const points = rateLimits?.requestsPerSecondPerUser;
  const ofUser = points && new RateLimit({ points, seconds: 1, message: 'Too many commands of one user' });
  return {
    identifyUser({ headers }, claimed) {
      const tokens = requestTokens(headers, sessionCookie);
      if (tokens.length === 0) return actingUser(authMode, undefined, claimed);
      return sessionOf(sessions, tokens).then((session) => actingUser(authMode, session, claimed));
    },
    async countRequest(request) {
      await limits?.count(request, 1);
    },
    async countCommand(request, userId, seats) {
      if (ofUser) await ofUser.count(userId, seats);
      // The request itself was counted before its route.
      if (seats > 1) await limits?.count(request, seats - 1);
    },
  };
}
