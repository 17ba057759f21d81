import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { commaList } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { RefusedError } from './refused-error.ts';

/** Top-level names that public DNS never delegates (RFC 2606, 6761, 6762, 8375): no attacker can own a name below them. */
const privateSuffixes = ['.localhost', '.local', '.internal', '.home.arpa', '.test'];

interface RequestHost {
  host?: string | undefined;
  /** The header Sec-Fetch-Site. Browsers send it only over TLS or to this machine. */
  fetchSite?: string | string[] | undefined;
  /** `https` if the connection or a trusted proxy proves it. */
  scheme?: string | undefined;
}

/**
 * Protects against DNS rebinding: an attacker can point a name to this machine and call it from a page under that name, which
 * is the same origin for the browser. Over TLS the certificate prevents this. Over plain HTTP the Host header must be a name
 * that no attacker can own: an IP address, a name without a dot, a private suffix, or one of `names`.
 */
export function isOwnHost({ host, fetchSite, scheme }: RequestHost, names: readonly string[]): boolean {
  if (host === undefined) return true; // HTTP/1.0, so not a browser
  const name = nameOf(host);
  if (name === undefined) return false;
  return scheme === 'https' || fetchSite !== undefined || isOwnName(name, names);
}

/** Like `isOwnHost`, for any scheme. `name` has no port. */
export function isOwnName(name: string, names: readonly string[]): boolean {
  return (
    isIP(name) !== 0 ||
    !name.includes('.') ||
    privateSuffixes.some((suffix) => name.endsWith(suffix)) ||
    names.includes(name)
  );
}

let lastHost: string | undefined;
let lastName: string | undefined;

/** The name in a Host header: lower case, without port, brackets and final dot; undefined if the header is invalid. */
export function nameOf(host: string): string | undefined {
  // Most requests name the same host, and parsing it costs as much as all other checks of a request.
  if (host !== lastHost) {
    lastName = parsedName(host);
    lastHost = host;
  }
  return lastName;
}

function parsedName(host: string): string | undefined {
  const url = `http://${host}`;
  if (!/^[\w.:[\]-]+$/.test(host) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

export function foreignHost(host: string | undefined): RefusedError {
  const remedy = 'An operator can add it to the setting ALLOWED_HOSTS';
  return new RefusedError('FORBIDDEN', `This server does not serve the name ${host?.slice(0, 200)}. ${remedy}.`);
}

/** Returns `ALLOWED_HOSTS`, the hosts of `allowedOrigins` and the name of this machine. Throws a `ConfigError`. */
export function ownHostNames(allowedHosts: string, allowedOrigins: readonly string[]): string[] {
  const given = commaList(allowedHosts).map(hostOf);
  return [
    ...new Set([...given, ...allowedOrigins.map((origin) => new URL(origin).hostname), hostname().toLowerCase()]),
  ];
}

function hostOf(item: string): string {
  const name = item.includes('*') || isIP(item) !== 0 || /:\d*$/.test(item) ? undefined : nameOf(item);
  if (name) return name;
  const form =
    'Each item of the comma list must be a name such as tickets.example.org, without scheme, port or wildcard';
  throw new ConfigError(`ALLOWED_HOSTS: "${item}" is not a host name. ${form}.`);
}
