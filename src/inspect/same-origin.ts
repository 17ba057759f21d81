import type { IncomingHttpHeaders } from 'node:http';
import { isOwnName, nameOf } from '../http/host.ts';

/** True if a request comes from a page of this server, under one of its host names, or from no page at all. */
export function isSameOrigin(headers: IncomingHttpHeaders, hosts: readonly string[]): boolean {
  const { host, origin, 'sec-fetch-site': site } = headers;
  const name = host === undefined ? undefined : nameOf(host);
  if (name === undefined || !isOwnName(name, hosts)) return false;
  if (origin !== undefined) return URL.canParse(origin) && new URL(origin).host === host;
  return site === undefined || site === 'same-origin' || site === 'none';
}
