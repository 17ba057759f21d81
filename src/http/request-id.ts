import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ownPrefix = randomUUID().slice(0, 13);
let numbered = 0;

/** The id that nginx or an edge gave the request, for all logs; a new one if there is none. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : `${ownPrefix}-${++numbered}`;
}
