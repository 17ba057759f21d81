import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../http/http-app.ts';
import { forbiddenOrigin, isAllowedOrigin } from '../http/origin.ts';
import type { Access } from '../identity/access.ts';
import { actingUser, sessionOf } from '../identity/acting-user.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { requestTokens } from '../identity/request-token.ts';
import { SessionBuckets } from '../identity/session-buckets.ts';

/** Throws, or rejects with, a `RefusedError` where the caller may not act, or asks too often. At once where no token has to be verified. */
export type IdentifyUser = (request: FastifyRequest, claimed: string | undefined) => string | Promise<string>;

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Before every route: the Origin of a request that may change something, and the rate of requests. Returns who may act. */
export function installGuard(app: HttpApp, access: Access): IdentifyUser {
  const { sessions, sessionCookie, authMode, allowedOrigins, rateLimits } = access;
  app.addHook('onRequest', ({ method, headers, protocol: scheme }, _reply, done) => {
    const { origin, host, 'sec-fetch-site': fetchSite } = headers;
    if (safeMethods.has(method) || isAllowedOrigin({ origin, host, fetchSite, scheme }, allowedOrigins)) done();
    else done(forbiddenOrigin(origin));
  });
  const identify: IdentifyUser = ({ headers }, claimed) => {
    const tokens = requestTokens(headers, sessionCookie);
    if (tokens.length === 0) return actingUser(authMode, undefined, claimed);
    return sessionOf(sessions, tokens).then((session) => actingUser(authMode, session, claimed));
  };
  if (!rateLimits) return identify;

  const { requestsPerSecondPerAddress: perAddress, requestsPerSecondPerUser: perUser } = rateLimits;
  const window = { seconds: 1 };
  const ofAddress = new RateLimit({ ...window, points: perAddress, message: 'Too many requests from your address' });
  const ofSession = new RateLimit({ ...window, points: perAddress, message: 'Too many requests of your session' });
  const ofUser = new RateLimit({ ...window, points: perUser, message: 'Too many commands of one user' });
  const addressOf = countedAddress(access);
  const buckets = new SessionBuckets({ sessions, checksPerSecondPerAddress: perAddress });
  app.addHook('onRequest', (request, _reply, done) => {
    const address = addressOf(request);
    if (address === undefined) return done();
    buckets
      .userOf(requestTokens(request.headers, sessionCookie), address)
      .then((userId) => (userId === undefined ? ofAddress.count(address) : ofSession.count(userId)))
      .then(() => done(), done);
  });
  return async (request, claimed) => {
    const userId = await identify(request, claimed);
    await ofUser.count(userId);
    return userId;
  };
}
