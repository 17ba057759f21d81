import { type Static, Type } from 'typebox';

/** The venue decides which ids exist; a valid id of no seat is refused as UNKNOWN_SEAT. */
export const SeatId = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,31}$',
  maxLength: 32,
  examples: ['A1'],
  description: 'Id of the seat: row letters and column number',
});

/** No spaces, wildcards or control characters: an id is safe in a Redis key, a NATS subject, a log line and a page. */
export const UserId = Type.String({
  pattern: '^[A-Za-z0-9_.:@-]{1,64}$',
  maxLength: 64,
  examples: ['user123'],
  description: 'Id of the user',
});

/** The fixed part of a seat, from the seating plan. */
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
  held_by: Type.Optional(
    Type.String({ ...UserId, description: 'User who holds or booked the seat; absent while it is available' }),
  ),
  expires_at: Type.Optional(
    Type.Number({ description: 'End of the hold in Unix seconds, on the clock of Redis; present only while held' }),
  ),
  seq: Type.Integer({
    minimum: 0,
    description: 'Number of the transition that made this state; 0 if there was none yet',
  }),
});
export type SeatState = Static<typeof SeatState>;

export const Seat = Type.Object(
  { ...PlannedSeat.properties, ...SeatState.properties },
  { $id: 'Seat', additionalProperties: false, description: 'A seat: its place in the plan and its current state.' },
);
export type Seat = Static<typeof Seat>;
