import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../http/http-app.ts';
import { isAllowedOrigin } from '../http/origin.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { actingUser, sessionOf } from '../identity/acting-user.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { requestToken } from '../identity/request-token.ts';

/** Throws, or rejects with, a `RefusedError` where the caller may not act, or asks too often. At once where no token has to be verified. */
export type IdentifyUser = (request: FastifyRequest, claimed: string | undefined) => string | Promise<string>;

/** Before every route: the Origin of what may change something, and how much one address asks. Returns who may act. */
export function installGuard(app: HttpApp, { sessions, authMode, allowedOrigins, rateLimits }: Access): IdentifyUser {
  app.addHook('onRequest', ({ method, headers }, _reply, done) => {
    if (method === 'GET' || method === 'HEAD' || isAllowedOrigin(headers, allowedOrigins)) done();
    else done(new RefusedError('FORBIDDEN', `Pages of ${headers.origin} may not act here`));
  });
  const identify: IdentifyUser = ({ headers }, claimed) => {
    const token = requestToken(headers);
    if (token === undefined) return actingUser(authMode, undefined, claimed);
    return sessionOf(sessions, token).then((session) => actingUser(authMode, session, claimed));
  };
  if (!rateLimits) return identify;

  const message = 'You ask too often; slow down';
  const ofAddress = new RateLimit({ points: rateLimits.requestsPerSecondPerAddress, seconds: 1, message });
  const ofUser = new RateLimit({ points: rateLimits.requestsPerSecondPerUser, seconds: 1, message });
  app.addHook('onRequest', ({ ip, headers }, _reply, done) => {
    // Our own edges ask for all their browsers: only what was forwarded is counted.
    if (headers['x-forwarded-for'] === undefined) done();
    else ofAddress.count(ip).then(() => done(), done);
  });
  return async (request, claimed) => {
    const userId = await identify(request, claimed);
    await ofUser.count(userId);
    return userId;
  };
}
