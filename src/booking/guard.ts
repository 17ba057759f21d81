import type { FastifyRequest } from 'fastify';
import { allowOrigins } from '../http/cors.ts';
import { foreignHost, isOwnHost } from '../http/host.ts';
import type { HttpApp } from '../http/http-app.ts';
import { forbiddenOrigin, isAllowedOrigin } from '../http/origin.ts';
import type { Access } from '../identity/access.ts';
import { actingUser, sessionOf } from '../identity/acting-user.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { RequestLimits } from '../identity/request-limits.ts';
import { requestTokens } from '../identity/request-token.ts';

/** Returns the acting user, synchronously if no token must be verified. Throws, or rejects with, a `RefusedError` if the caller may not act or exceeds its rate. */
export type IdentifyUser = (request: FastifyRequest, claimed: string | undefined) => string | Promise<string>;

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Checks every request before its route: first the rate, so that refused requests count too, then the Host, and the Origin
 * of requests that may change something. Returns the function that identifies the acting user.
 */
export async function installGuard(app: HttpApp, access: Access): Promise<IdentifyUser> {
  const { sessions, sessionCookie, authMode, allowedHosts, allowedOrigins, rateLimits } = access;
  const limits = rateLimits && new RequestLimits(access, rateLimits);
  await allowOrigins(app, allowedOrigins, async (request) => limits?.count(request));
  if (limits) {
    app.addHook('onRequest', (request, _reply, done) => {
      const counted = limits.count(request);
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
  const identify: IdentifyUser = ({ headers }, claimed) => {
    const tokens = requestTokens(headers, sessionCookie);
    if (tokens.length === 0) return actingUser(authMode, undefined, claimed);
    return sessionOf(sessions, tokens).then((session) => actingUser(authMode, session, claimed));
  };
  if (!rateLimits) return identify;
  const { requestsPerSecondPerUser: points } = rateLimits;
  const ofUser = new RateLimit({ points, seconds: 1, message: 'Too many commands of one user' });
  return async (request, claimed) => {
    const userId = await identify(request, claimed);
    await ofUser.count(userId);
    return userId;
  };
}
