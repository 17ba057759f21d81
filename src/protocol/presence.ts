import { type Static, Type } from 'typebox';
import { SystemId } from './venue.ts';

/** More than one process can serve. The sum over all edges must stay a number that a page can show. */
const maxClients = 1_000_000;

/** The number of browsers at one edge, published every second. An edge that publishes nothing for a while counts as having none. */
export const EdgePresence = Type.Object({
  system: Type.Optional(SystemId),
  venue: Type.Optional(Type.String({ maxLength: 64 })),
  edge: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  clients: Type.Integer({ minimum: 0, maximum: maxClients }),
});
export type EdgePresence = Static<typeof EdgePresence>;
