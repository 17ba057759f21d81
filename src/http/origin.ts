import { commaList } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { RefusedError } from './refused-error.ts';

interface RequestOrigin {
  origin?: string | undefined;
  host?: string | undefined;
  /** The header Sec-Fetch-Site, which no script can set. */
  fetchSite?: string | string[] | undefined;
  /** `https` if the connection or a trusted proxy proves it; otherwise unknown. */
  scheme?: string | undefined;
}

/**
 * Protects against CSRF and cross-site WebSocket hijacking (RFC 6454, OWASP): a browser truthfully sends the origin of the page,
 * and only our own page, or a listed one, may act for its user. Programs send no Origin. Behind a proxy that rewrites Host,
 * only Sec-Fetch-Site shows that the page is our own (W3C Fetch Metadata).
 */
export function isAllowedOrigin(
  { origin, host, fetchSite, scheme }: RequestOrigin,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || fetchSite === 'same-origin' || isListedOrigin(origin, allowed)) return true;
  if (host === undefined || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  // An attacker on the network can forge a page over plain HTTP: it must not act on a site that is served over TLS.
  if (scheme === 'https' && page.protocol !== 'https:') return false;
  const site = `${page.protocol}//${host}`;
  return URL.canParse(site) && new URL(site).host === page.host;
}

/** `allowed` comes from `parseAllowedOrigins`. */
export function isListedOrigin(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.length === 0 || !URL.canParse(origin)) return false;
  return allowed.includes(new URL(origin).origin);
}

export function forbiddenOrigin(origin: string | undefined): RefusedError {
  const remedy = 'An operator can allow it with the setting ALLOWED_ORIGINS';
  return new RefusedError('FORBIDDEN', `This address is not allowed: ${origin?.slice(0, 200)}. ${remedy}.`);
}

/** Returns `ALLOWED_ORIGINS` as browsers send an Origin: lower case, no default port, no slash. Throws a `ConfigError`. */
export function parseAllowedOrigins(text: string): string[] {
  return [...new Set(commaList(text).map(originOf))];
}

function originOf(item: string): string {
  const refuse = (reason: string) => {
    const form =
      'Each item of the comma list must be an origin such as https://partner.example or http://localhost:5173';
    return new ConfigError(`ALLOWED_ORIGINS: "${item}" ${reason}. ${form}.`);
  };
  if (item === '*') throw refuse('would let every site act for its visitors; name each site');
  if (item.includes('*')) throw refuse('is a pattern; name each site');
  const url = URL.canParse(item) ? new URL(item) : undefined;
  if (!url || !/^https?:\/\//i.test(item)) throw refuse('is not an http or https origin');
  if (`${url.pathname}${url.search}${url.hash}` !== '/') throw refuse('has a path, a query or a fragment');
  if (url.username !== '' || url.password !== '') throw refuse('has a user or a password');
  return url.origin;
}
