import { type Static, Type } from 'typebox';
import { Seat } from './seat.ts';

/** Names one installation: one Redis with one key prefix. Keeps several that share a NATS server apart. */
export const SystemId = Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$' });

/**
 * A point in the venue's history. `seq` counts its transitions without gaps, in the order in which Redis decided
 * them; `epoch` changes when Redis was started anew or has lost its data, and then nothing that was known before holds.
 */
export const Position = Type.Object({
  epoch: Type.String({ minLength: 1, maxLength: 64 }),
  seq: Type.Integer({ minimum: 0 }),
});
export type Position = Static<typeof Position>;

export const VenueState = Type.Object(
  {
    system: Type.Optional(SystemId),
    venue: Type.String(),
    epoch: Type.String(),
    seq: Type.Integer({ minimum: 0 }),
    server_time: Type.Number({ description: 'Unix seconds on the clock of Redis when this was sent' }),
    hold_seconds: Type.Number(),
    max_holds: Type.Integer({ description: 'So many seats may one user hold at once' }),
    rows: Type.Integer(),
    cols: Type.Integer(),
    stale: Type.Optional(Type.Literal(true, { description: 'Redis cannot be asked: this is what was last known' })),
    seats: Type.Array(Seat),
  },
  { $id: 'VenueState' },
);
export type VenueState = Static<typeof VenueState>;
