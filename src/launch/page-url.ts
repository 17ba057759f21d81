import { connect } from 'node:net';
import { httpsUrl, httpUrl, isEveryAddress } from './http-url.ts';
import { loopback } from './ports.ts';
import { print } from './print.ts';

const probeTimeoutMs = 500;

interface PageAddress {
  httpHost: string;
  httpPort: number;
  /** The URL with TLS: plain HTTP only redirects to it. */
  tls?: { port: number } | undefined;
}

/**
 * The URL for people. Browsers resolve `localhost` to ::1 first: if another program listens there on the same port, only the
 * IP address leads to our page.
 */
export async function pageUrl({ httpHost, httpPort, tls }: PageAddress): Promise<string> {
  const port = tls?.port ?? httpPort;
  const url = tls ? httpsUrl(httpHost, port) : httpUrl(httpHost, port);
  if (httpHost !== loopback && !isEveryAddress(httpHost)) return url;
  const byName = url.replace(`//${loopback}`, '//localhost');
  if (httpHost === '::' || !(await isListening('::1', port))) return byName;
  print(`!! Another program listens on [::1]:${port}: ${byName} may show that one. Use ${url}.`);
  return url;
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: probeTimeoutMs });
    socket.on('connect', () => resolve(true));
    socket.on('connect', () => socket.destroy());
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(false));
  });
}
