import { parseCookie } from 'cookie';
import { sessionCookie } from '../protocol/session.ts';

/** The session token of a request: a program's, else a page's. Undefined where it has none. */
export function requestToken(headers: {
  authorization?: string | undefined;
  cookie?: string | undefined;
}): string | undefined {
  const { authorization, cookie } = headers;
  const bearer = authorization === undefined ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  return bearer ?? (cookie === undefined ? undefined : parseCookie(cookie)[sessionCookie]);
}
