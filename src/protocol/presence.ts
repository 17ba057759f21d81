import { type Static, Type } from 'typebox';

/** How many browsers one edge has, told every second: an edge that says nothing for a while has none. */
export const EdgePresence = Type.Object({
  edge: Type.String({ minLength: 1, maxLength: 64 }),
  clients: Type.Integer({ minimum: 0 }),
});
export type EdgePresence = Static<typeof EdgePresence>;
