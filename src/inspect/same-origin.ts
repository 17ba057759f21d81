import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/**
 * Whether a request comes from a page that this very server served, or from no page at all. A name that is not known
 * to be ours is refused too: anybody's name may be made to lead to this machine (DNS rebinding), an address may not.
 */
export function isSameOrigin(headers: IncomingHttpHeaders, hosts: readonly string[]): boolean {
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (!host || !isOurName(hostname(host), hosts)) return false;
  if (origin !== undefined) return hostOf(origin) === host;
  return site === undefined || site === 'same-origin' || site === 'none';
}

const isOurName = (name: string, hosts: readonly string[]): boolean =>
  name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0 || hosts.includes(name);

function hostname(host: string): string {
  return (hostOf(`http://${host}`) && new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '')) ?? '';
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
