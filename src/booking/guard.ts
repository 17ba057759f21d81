import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../http/http-app.ts';
import { isAllowedOrigin } from '../http/origin.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { actingUser, sessionOf } from '../identity/acting-user.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { requestToken } from '../identity/request-token.ts';

/** Rejects with a `RefusedError` where the caller may not act, or asks too often. */
export type IdentifyUser = (request: FastifyRequest, claimed: string | undefined) => Promise<string>;

/** Before every route: the Origin of what may change something, and how much one address asks. Returns who may act. */
export function installGuard(app: HttpApp, { sessions, authMode, allowedOrigins, rateLimits }: Access): IdentifyUser {
  app.addHook('onRequest', async ({ method, headers }) => {
    if (method === 'GET' || method === 'HEAD' || isAllowedOrigin(headers, allowedOrigins)) return;
    throw new RefusedError('FORBIDDEN', `Pages of ${headers.origin} may not act here`);
  });
  const identify: IdentifyUser = async ({ headers }, claimed) =>
    actingUser(authMode, await sessionOf(sessions, requestToken(headers)), claimed);
  if (!rateLimits) return identify;

  const message = 'You ask too often; slow down';
  const ofAddress = new RateLimit({ points: rateLimits.requestsPerSecondPerAddress, seconds: 1, message });
  const ofUser = new RateLimit({ points: rateLimits.requestsPerSecondPerUser, seconds: 1, message });
  app.addHook('onRequest', async ({ ip, headers }) => {
    // Our own edges ask for all their browsers: only what was forwarded is counted.
    if (headers['x-forwarded-for'] !== undefined) await ofAddress.count(ip);
  });
  return async (request, claimed) => {
    const userId = await identify(request, claimed);
    await ofUser.count(userId);
    return userId;
  };
}
