import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ownPrefix = randomUUID().slice(0, 13);
let numbered = 0;

const idForm = /^[\w.-]+$/;
const maxIdLength = 64;
/** An edge appends `.` and a number to the id of a connection for each of its commands. */
const suffixLength = 12;

/** The id that nginx or an edge gave the request, for all logs; a new one if there is none. */
export function requestIdOf(request: IncomingMessage): string {
  return givenId(request, maxIdLength) ?? newId();
}

/** The id of a WebSocket, which leaves room for the number of a command. */
export function connectionIdOf(upgrade: IncomingMessage): string {
  return givenId(upgrade, maxIdLength - suffixLength) ?? newId();
}

function givenId({ headers }: IncomingMessage, maxLength: number): string | undefined {
  const given = headers['x-request-id'];
  return typeof given === 'string' && given.length <= maxLength && idForm.test(given) ? given : undefined;
}

const newId = (): string => `${ownPrefix}-${++numbered}`;
