import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { RefusedError } from '../http/refused-error.ts';
import type { CommandHeaders, ReplyText, Requester } from './command-handler.ts';

/** A route of a command, as a batch uses it. */
export interface BatchedRoute {
  /** Below `/api/shows/:show`. */
  path: string;
  /** Checks the body. Rejects like the route. */
  reply: (request: Requester, show: string, body: unknown, headers: CommandHeaders) => Promise<ReplyText>;
}

export function batchedRoute<Body extends TSchema>(
  path: string,
  schema: Body,
  reply: (request: Requester, show: string, body: Static<Body>, headers: CommandHeaders) => Promise<ReplyText>,
): BatchedRoute {
  const validator = Compile(schema);
  return {
    path,
    reply: (request, show, body, headers) => {
      if (validator.Check(body)) return reply(request, show, body, headers);
      const [problem] = validator.Errors(body);
      throw new RefusedError('INVALID_REQUEST', `body${problem?.instancePath ?? ''} ${problem?.message}`);
    },
  };
}
