import { type Static, Type } from 'typebox';
import { SystemId } from './venue.ts';

/** How many browsers one edge has, told every second: an edge that says nothing for a while has none. */
export const EdgePresence = Type.Object({
  system: Type.Optional(SystemId),
  venue: Type.Optional(Type.String({ maxLength: 64 })),
  edge: Type.String({ minLength: 1, maxLength: 64 }),
  clients: Type.Integer({ minimum: 0 }),
});
export type EdgePresence = Static<typeof EdgePresence>;
