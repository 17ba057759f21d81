import { get, type IncomingMessage } from 'node:http';

/**
 * Sends a GET request to another booking process, on a connection of its own. `fetch` replaces an aborted connection
 * with a new one, which would delay the shutdown of the peer. Rejects if the peer does not reply.
 */
export function fetchPeer(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { signal, headers, agent: false }, resolve).on('error', reject);
  });
}
