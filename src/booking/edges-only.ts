import type { onRequestHookHandler } from 'fastify';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';

/** For routes that only edges may use: a request that a proxy forwards, or that lacks the edge key if one is set, gets a 404. */
export function edgesOnly(access: Access): onRequestHookHandler {
  const addressOf = countedAddress(access);
  return (request, _reply, done) => {
    const mayBeEdge = access.edgeKey === undefined && request.headers['x-forwarded-for'] === undefined;
    if (mayBeEdge || addressOf(request) === undefined) done();
    else done(new RefusedError('NOT_FOUND', `Not found: ${request.url}`));
  };
}
