import { get, type IncomingMessage } from 'node:http';

/**
 * Asks another booking process, on a connection that ends with its answer: `fetch` opens another one in the place of
 * one that was broken off, unasked, and the peer's closing would wait for it. Rejects where there is no answer.
 */
export function askPeer(
  url: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { signal, headers, agent: false }, resolve).on('error', reject);
  });
}
