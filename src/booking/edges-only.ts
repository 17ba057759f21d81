import type { onRequestHookHandler } from 'fastify';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';

/** For routes that only edges may use: for what a proxy forwards, and without the key of the edge if there is one, there is no such path. */
export function edgesOnly(access: Access): onRequestHookHandler {
  const addressOf = countedAddress(access);
  return (request, _reply, done) => {
    const mayBeEdge = access.edgeKey === undefined && request.headers['x-forwarded-for'] === undefined;
    if (mayBeEdge || addressOf(request) === undefined) done();
    else done(new RefusedError('NOT_FOUND', `Not found: ${request.url}`));
  };
}
