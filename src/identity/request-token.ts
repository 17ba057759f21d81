import { parseCookie } from 'cookie';
import { decodeJwt } from 'jose';

/** Browsers in normal use send fewer cookies of one name, and each one costs a signature check. */
const maxTokens = 4;

/**
 * The session tokens of a request, the best first: the bearer token, otherwise the cookies, those set over TLS before all others. A browser sends several cookies of
 * one name if their domains or paths differ.
 */
export function requestTokens(
  headers: { authorization?: string | undefined; cookie?: string | undefined },
  cookieName: string,
): string[] {
  const { authorization, cookie } = headers;
  const bearer = authorization === undefined ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (bearer !== undefined) return [bearer];
  if (cookie === undefined) return [];
  const secure = cookie.includes(securePrefix) ? cookieTokens(cookie, secureCookie(cookieName)) : [];
  return secure.length > 0 ? secure : cookieTokens(cookie, cookieName);
}

const securePrefix = '__Host-';
/** The name behind TLS: browsers accept it only from this host itself, over TLS, for all paths. */
export const secureCookie = (name: string): string => `${securePrefix}${name}`;

function cookieTokens(cookie: string, name: string): string[] {
  const pairs = cookie.split(';').filter((pair) => pair.trimStart().startsWith(name));
  const tokens = pairs.map((pair) => parseCookie(pair)[name]).filter((token) => token !== undefined);
  if (tokens.length < 2) return tokens;
  const candidates = [...new Set(tokens)].map((token) => ({ token, expiresAtS: claimedExpiry(token) }));
  return candidates
    .sort((a, b) => b.expiresAtS - a.expiresAtS)
    .slice(0, maxTokens)
    .map(({ token }) => token);
}

/** Not verified, used only to order the candidates. */
function claimedExpiry(token: string): number {
  try {
    return Number(decodeJwt(token).exp ?? 0) || 0;
  } catch {
    return 0;
  }
}
