import { type Static, Type } from 'typebox';

/** Which ids exist depends on the venue; an id that does not is UNKNOWN_SEAT. */
export const SeatId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$', maxLength: 32, examples: ['A1'] });

/** No spaces, wildcards or control characters: an id is safe in a Redis key, a NATS subject, a log line and a page. */
export const UserId = Type.String({ pattern: '^[A-Za-z0-9_.:@-]{1,64}$', maxLength: 64, examples: ['user123'] });

/** The fixed part of a seat: what the seating plan says about it. */
export const PlannedSeat = Type.Object({
  id: SeatId,
  row: Type.Integer({ minimum: 0, description: 'From 0, front to back' }),
  col: Type.Integer({ minimum: 0, description: 'From 0, left to right' }),
});
export type PlannedSeat = Static<typeof PlannedSeat>;

/** The changing part of a seat. */
export const SeatState = Type.Object({
  status: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], {
    description: '0 available, 1 held, 2 booked',
  }),
  held_by: Type.Optional(UserId),
  expires_at: Type.Optional(Type.Number({ description: 'End of the hold: Unix seconds on the clock of Redis' })),
  seq: Type.Integer({ minimum: 0, description: "The venue's transition that made the seat what it is; 0: none yet" }),
});
export type SeatState = Static<typeof SeatState>;

export const Seat = Type.Object(
  { ...PlannedSeat.properties, ...SeatState.properties },
  { $id: 'Seat', additionalProperties: false },
);
export type Seat = Static<typeof Seat>;
