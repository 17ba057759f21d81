import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { createServer, isIP } from 'node:net';
import { codeOf } from '../process/error-facts.ts';
import { badPorts } from './bad-ports.ts';

export const loopback = '127.0.0.1';

/** `forbidden`: this user may not listen on the port (below 1024 on most systems). */
export type PortState = 'free' | 'in use' | 'forbidden';

export class PortUnavailableError extends Error {
  override name = 'PortUnavailableError';

  constructor(port: number, setting: string, state: Exclude<PortState, 'free'>) {
    const reason = state === 'in use' ? 'is in use by another program' : 'may not be used by this user';
    super(`Port ${port} ${reason}. Free it, or choose another with ${setting} (e.g. ${setting}=${exampleFor(port)}).`);
  }
}

/** A port to suggest instead of another. */
export function exampleFor(port: number): number {
  const example = port < 1024 ? 8000 : port <= 65535 - 100 ? port + 100 : port - 100;
  return badPorts.has(example) ? 8000 : example;
}

/** Tries to listen: whether that works depends on the user, the system's settings and other programs. */
export async function portState(port: number, host = loopback): Promise<PortState> {
  try {
    for (const address of await addressesOf(host)) await listenOnce(port, address);
    return 'free';
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EADDRINUSE') return 'in use';
    if (code === 'EACCES') return 'forbidden';
    throw error;
  }
}

export async function requirePort(port: number, setting: string, host = loopback): Promise<void> {
  const state = await portState(port, host);
  if (state !== 'free') throw new PortUnavailableError(port, setting, state);
}

/**
 * Below those that systems give to outgoing connections, so that none takes it before it is used, and above 10080, which
 * browsers and fetch refuse; never the same twice.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_081, 32_000);
    if (given.has(port) || (await portState(port)) !== 'free') continue;
    given.add(port);
    return port;
  }
}

const given = new Set<number>();

/** A name such as localhost may have several addresses: nginx listens on all of them. */
const addressesOf = async (host: string): Promise<string[]> =>
  isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);

function listenOnce(port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => resolve());
    });
  });
}
