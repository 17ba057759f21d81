import { type Static, Type } from 'typebox';
import { Seat } from './seat.ts';

/** Names one installation, that is, one Redis with one key prefix. It distinguishes installations that share a NATS server. */
export const SystemId = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,32}$',
  description: 'Id of the installation (one Redis with one key prefix)',
});

/**
 * A point in the venue's history. `seq` counts its transitions without gaps, in the order in which Redis decided
 * them; `epoch` changes when Redis restarts or loses its data, which makes everything known before invalid.
 */
export const Position = Type.Object({
  epoch: Type.String({ minLength: 1, maxLength: 64 }),
  seq: Type.Integer({ minimum: 0 }),
});
export type Position = Static<typeof Position>;

export const VenueState = Type.Object(
  {
    system: Type.Optional(SystemId),
    venue: Type.String({ description: 'Name of the venue', examples: ['main'] }),
    epoch: Type.String({ description: 'Changes when Redis restarts or loses data: forget all earlier positions then' }),
    seq: Type.Integer({ minimum: 0, description: 'Number of the latest transition that the seats show' }),
    server_time: Type.Number({ description: 'Unix seconds on the clock of Redis, when this reply was sent' }),
    hold_seconds: Type.Number({ description: 'How long a hold lasts' }),
    max_holds: Type.Integer({ description: 'Number of seats that one user may hold at once' }),
    hold_extensions: Type.Optional(
      Type.Integer({ minimum: 0, description: 'How often a hold may be extended. Absent: never' }),
    ),
    rows: Type.Integer({ description: 'Number of rows' }),
    cols: Type.Integer({ description: 'Number of seats in the longest row' }),
    plan: Type.Optional(Type.String({ description: 'Hash of the seating plan' })),
    stale: Type.Optional(
      Type.Literal(true, { description: 'Present while Redis is out of reach: the seats show the last known state' }),
    ),
    seats: Type.Array(Seat, { description: 'All seats in the order of the plan' }),
  },
  { $id: 'VenueState', description: 'The venue, its seats, and the position in its history that they show.' },
);
export type VenueState = Static<typeof VenueState>;

/** VENUE_STATE for a client that has the plan. */
export const CompactState = Type.Object({
  ...Type.Omit(VenueState, ['seats']).properties,
  statuses: Type.String({ description: 'The status of each seat in the order of the plan: 0, 1 or 2' }),
  own: Type.Array(Type.Object(Seat.properties), {
    description: 'The seats that the user of the connection holds or has booked',
  }),
});
export type CompactState = Static<typeof CompactState>;

const SeatIndexes = Type.Optional(Type.Array(Type.Integer({ minimum: 0 })));

/** The state, as of a position, of the seats that have changed since the last one. Seats are named by their index in the plan. */
export const SeatChanges = Type.Object({
  ...Position.properties,
  own: Type.Optional(
    Type.Array(Type.Object(Seat.properties), {
      description:
        'Those that the user of the connection holds or has booked, in a message of their own. The one that follows has them too, and moves the position',
    }),
  ),
  available: SeatIndexes,
  held: SeatIndexes,
  booked: SeatIndexes,
});
export type SeatChanges = Static<typeof SeatChanges>;

/** The rules of holds, which change when processes restart with other settings. */
export type HoldSettings = Pick<VenueState, 'hold_seconds' | 'max_holds' | 'hold_extensions'>;
