/** The URL under which this machine itself reaches a server that listens on this address. */
export function httpUrl(host: string, port: number): string {
  const name = isEveryAddress(host) ? '127.0.0.1' : bracketed(host);
  return `http://${name}${port === 80 ? '' : `:${port}`}`;
}

/** As `httpUrl`, with TLS. */
export const httpsUrl = (host: string, port: number): string =>
  `https://${isEveryAddress(host) ? '127.0.0.1' : bracketed(host)}${port === 443 ? '' : `:${port}`}`;

/** Listening on `::` includes IPv4. */
export const isEveryAddress = (host: string) => host === '0.0.0.0' || host === '::';

/** Puts an IPv6 address in brackets, as required before a port. */
export const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);
