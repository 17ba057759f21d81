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
import { requestTokens, secureCookie } from '../identity/request-token.ts';
import type { Session } from '../identity/sessions.ts';
import {
  SessionBatch,
  SessionBatchReply,
  SessionInfo,
  SessionReply,
  SessionRequest,
  sessionBatchPath,
} from '../protocol/session.ts';
import { sessionNeeded, sessionOptional } from './api-document.ts';
import { edgesOnly } from './edges-only.ts';
import type { Guard } from './guard.ts';

/** 128 tokens of the largest size. */
const batchLimitBytes = 640 * 1024;

const BeginBody = Type.Union([SessionRequest, Type.Null()]);

/** `POST /api/session` starts or renews a guest session; `GET` returns its user. `POST /sessions` is for edges: it checks many. */
export function registerSessionRoutes(app: HttpApp, access: Access, guard: Guard): void {
  const { sessions, sessionCookie, rateLimits } = access;
  const addressOf = countedAddress(access);
  const perMinute = rateLimits?.sessionsPerMinutePerAddress;
  const message = `More than ${perMinute} new visitors from your network address in a minute (SESSIONS_PER_MINUTE_PER_ADDRESS)`;
  const ofAddress = perMinute && new RateLimit({ points: perMinute, seconds: 60, message });

  const beginSchema = {
    tags: ['session'],
    operationId: 'beginSession',
    summary: 'Start or renew a session',
    description:
      'Without a valid session: a session of a new guest. With one: the same user, with a later end. The reply sets the session cookie.',
    security: sessionOptional,
    body: BeginBody,
    response: { 200: SessionReply },
  };
  const beginRoute = {
    schema: beginSchema,
    preValidation: withoutBody,
    config: {
      apiDocument: {
        refusals: ['INVALID_REQUEST', 'TOO_LARGE'],
        headers: { 'Set-Cookie': 'The session cookie: HttpOnly, SameSite=Strict.' },
      },
    },
  } as const;
  app.post('/api/session', beginRoute, async (request, reply) => {
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
    operationId: 'getSession',
    summary: 'Get the current session',
    description: 'The user of the session that the request carries, and when the session ends.',
    security: sessionNeeded,
    response: { 200: SessionInfo },
  };
  const config = { apiDocument: { refusals: ['UNAUTHENTICATED'] } } as const;
  app.get('/api/session', { schema, config }, async (request, reply) => {
    const session = await sessionOf(sessions, requestTokens(request.headers, sessionCookie));
    if (!session) throw new RefusedError('UNAUTHENTICATED', 'There is no session');
    reply.header('cache-control', 'no-store');
    return infoOf(session);
  });

  const batchRoute = {
    schema: { hide: true, body: SessionBatch, response: { 200: SessionBatchReply } },
    bodyLimit: batchLimitBytes,
    onRequest: edgesOnly(access),
  };
  app.post(sessionBatchPath, batchRoute, async (request) => {
    const { tokens } = request.body;
    // The request itself was counted as one. An edge whose address is trusted is not counted.
    for (let n = 1; n < tokens.length; n++) await guard.countRequest(request);
    const checked = tokens.map((token) => sessionOf(sessions, [token]).catch(ignoreRefusal));
    return { sessions: (await Promise.all(checked)).map((session) => (session ? infoOf(session) : null)) };
  });
}

function infoOf({ userId, expiresAtMs }: Session): SessionInfo {
  const expiresInS = Math.max(0, Math.floor((expiresAtMs - Date.now()) / 1000));
  return { user_id: userId, expires_at: expiresAtMs / 1000, expires_in: expiresInS };
}

/** The schema calls a missing body null. */
function withoutBody(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  request.body ??= null;
  done();
}

/** Browsers send Origin with every POST, and Sec-Fetch-Site over TLS and to localhost. Node's fetch sends neither. */
const isFromBrowser = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof RefusedError)) throw error;
}

/** Scripts cannot read it, and browsers send it only with requests of our own pages. */
function cookieOf({ protocol }: FastifyRequest, name: string, token: string, expiresAtMs: number): string {
  return stringifySetCookie(protocol === 'https' ? secureCookie(name) : name, token, {
    httpOnly: true,
    sameSite: 'strict',
    secure: protocol === 'https',
    path: '/',
    expires: new Date(expiresAtMs),
  });
}
