import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { commaList } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { RefusedError } from './refused-error.ts';

/** Top-level names that public DNS never delegates (RFC 2606, 6761, 6762, 8375): no stranger can own a name below them. */
const privateSuffixes = ['.localhost', '.local', '.internal', '.home.arpa', '.test'];

interface RequestHost {
  host?: string | undefined;
  /** Of the header Sec-Fetch-Site. Browsers send it only to an address over TLS or on this machine. */
  fetchSite?: string | string[] | undefined;
  /** `https` where the connection, or a trusted proxy, proves it. */
  scheme?: string | undefined;
}

/**
 * Whether a request means this server. Anybody can make a name of theirs lead to this machine and let a page under that name
 * call it (DNS rebinding): to the browser that is one origin. Over TLS the certificate prevents it, so only plain HTTP needs
 * a name that no stranger can own: an IP address, a name without a dot, a private suffix, or one of `names`.
 */
export function isOwnHost({ host, fetchSite, scheme }: RequestHost, names: readonly string[]): boolean {
  if (host === undefined) return true; // HTTP/1.0: no browser
  const name = nameOf(host);
  if (name === undefined) return false;
  return scheme === 'https' || fetchSite !== undefined || isOwnName(name, names);
}

/** As `isOwnHost`, whatever the scheme. `name`: without a port. */
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

/** The name in a Host header: lower case, without port, brackets and final dot; undefined where it is none. */
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
  const remedy = 'An operator can name it in the setting ALLOWED_HOSTS';
  return new RefusedError('FORBIDDEN', `This server does not answer for the name ${host?.slice(0, 200)}. ${remedy}.`);
}

/** `ALLOWED_HOSTS`, the hosts of `allowedOrigins` and the name of this machine. Throws a `ConfigError`. */
export function ownHostNames(allowedHosts: string, allowedOrigins: readonly string[]): string[] {
  const given = commaList(allowedHosts).map(hostOf);
  return [
    ...new Set([...given, ...allowedOrigins.map((origin) => new URL(origin).hostname), hostname().toLowerCase()]),
  ];
}

function hostOf(item: string): string {
  const name = item.includes('*') || isIP(item) !== 0 || /:\d*$/.test(item) ? undefined : nameOf(item);
  if (name) return name;
  const form = 'Each item of the comma list is a name such as tickets.example.org, without scheme, port and wildcard';
  throw new ConfigError(`ALLOWED_HOSTS: "${item}" is not the name of a host. ${form}.`);
}
