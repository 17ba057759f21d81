import { stringifySetCookie } from 'cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { addressKey } from '../http/address-key.ts';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { sessionOf } from '../identity/acting-user.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { RateLimit } from '../identity/rate-limit.ts';
import { requestTokens } from '../identity/request-token.ts';
import type { Session } from '../identity/sessions.ts';
import { ErrorReply } from '../protocol/commands.ts';
import { SessionInfo, SessionReply } from '../protocol/session.ts';

const BeginBody = Type.Union([
  Type.Object({ token: Type.Optional(Type.Boolean({ description: 'For a page whose cookies are blocked' })) }),
  Type.Null(),
]);

/** `POST /api/session`: a guest's session, or the one that there is for longer. `GET`: whose it is. */
export function registerSessionRoutes(app: HttpApp, access: Access): void {
  const { sessions, sessionCookie, rateLimits } = access;
  const addressOf = countedAddress(access);
  const perMinute = rateLimits?.sessionsPerMinutePerAddress;
  const message = `More than ${perMinute} new visitors from your network address in a minute (SESSIONS_PER_MINUTE_PER_ADDRESS)`;
  const ofAddress = perMinute && new RateLimit({ points: perMinute, seconds: 60, message });

  const beginSchema = {
    tags: ['session'],
    description: 'A session for a new guest; with a session that is good: the same user, for longer.',
    body: BeginBody,
    response: { 200: SessionReply, '4xx': ErrorReply },
  };
  app.post('/api/session', { schema: beginSchema, preValidation: withoutBody }, async (request, reply) => {
    const present = await sessionOf(sessions, requestTokens(request.headers, sessionCookie)).catch(ignoreRefusal);
    if (ofAddress && !present) await ofAddress.count(addressOf(request) ?? addressKey(request.ip));
    const issued = await sessions.issue(present);
    const { token, expiresAtMs } = issued;
    reply
      .header('cache-control', 'no-store')
      .header('set-cookie', cookieOf(request, sessionCookie, token, expiresAtMs));
    const wantsToken = request.body?.token === true || !isFromBrowser(request);
    return { ...infoOf(issued), ...(wantsToken && { token }) };
  });

  const schema = {
    tags: ['session'],
    description: 'Whose session it is, and until when.',
    response: { 200: SessionInfo, 401: ErrorReply },
  };
  app.get('/api/session', { schema }, async (request, reply) => {
    const session = await sessionOf(sessions, requestTokens(request.headers, sessionCookie));
    if (!session) throw new RefusedError('UNAUTHENTICATED', 'There is no session');
    reply.header('cache-control', 'no-store');
    return infoOf(session);
  });
}

function infoOf({ userId, expiresAtMs }: Session): SessionInfo {
  const expiresInS = Math.max(0, Math.floor((expiresAtMs - Date.now()) / 1000));
  return { user_id: userId, expires_at: expiresAtMs / 1000, expires_in: expiresInS };
}

/** A request without a body has none to validate, which the schema calls null. */
function withoutBody(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  request.body ??= null;
  done();
}

/** Every browser sends Origin with a POST, and Sec-Fetch-Site over TLS and to localhost. Node's fetch sends neither. */
const isFromBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}

/** Out of reach for scripts, and sent with requests of our own pages only. */
function cookieOf({ protocol }: FastifyRequest, name: string, token: string, expiresAtMs: number): string {
  return stringifySetCookie(name, token, {
    httpOnly: true,
    sameSite: 'strict',
    secure: protocol === 'https',
    path: '/',
    expires: new Date(expiresAtMs),
  });
}
