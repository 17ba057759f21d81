import { stringifySetCookie } from 'cookie';
import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { sessionOf } from '../identity/acting-user.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { requestToken } from '../identity/request-token.ts';
import { ErrorReply } from '../protocol/commands.ts';
import { SessionInfo, SessionReply, sessionCookie } from '../protocol/session.ts';

/** `POST /api/session`: a guest's session, or the one that there is for longer. `GET`: whose it is. */
export function registerSessionRoutes(app: HttpApp, { sessions, rateLimits }: Access): void {
  const ofAddress =
    rateLimits &&
    new RateLimit({
      points: rateLimits.sessionsPerMinutePerAddress,
      seconds: 60,
      message: 'Too many sessions were begun from your address; wait a moment',
    });

  const beginSchema = {
    tags: ['session'],
    description: 'A session for a new guest; with a session that is good: the same user, for longer.',
    response: { 200: SessionReply, '4xx': ErrorReply },
  };
  app.post('/api/session', { schema: beginSchema }, async (request, reply) => {
    const present = await sessionOf(sessions, requestToken(request.headers)).catch(() => undefined);
    if (!present) await ofAddress?.count(request.ip);
    const { userId, token, expiresAtMs } = await sessions.issue(present?.userId);
    reply.header('cache-control', 'no-store').header('set-cookie', cookieOf(request, token, expiresAtMs));
    return { user_id: userId, expires_at: expiresAtMs / 1000, token };
  });

  const schema = {
    tags: ['session'],
    description: 'Whose session it is, and until when.',
    response: { 200: SessionInfo, 401: ErrorReply },
  };
  app.get('/api/session', { schema }, async (request, reply) => {
    const session = await sessionOf(sessions, requestToken(request.headers));
    if (!session) throw new RefusedError('UNAUTHENTICATED', 'There is no session');
    reply.header('cache-control', 'no-store');
    return { user_id: session.userId, expires_at: session.expiresAtMs / 1000 };
  });
}

/** Out of reach for scripts, and sent with requests of our own pages only. */
function cookieOf({ protocol }: FastifyRequest, token: string, expiresAtMs: number): string {
  return stringifySetCookie(sessionCookie, token, {
    httpOnly: true,
    sameSite: 'strict',
    secure: protocol === 'https',
    path: '/',
    expires: new Date(expiresAtMs),
  });
}
