import { type Static, Type } from 'typebox';
import { type ErrorCode, errorCodes } from './errors.ts';
import { maxGroupSize } from './max-group-size.ts';
import { Seat, SeatId, UserId } from './seat.ts';

/** The commands on a seat. The names are those of the routes: `POST /api/seats/select`. */
export const userActions = ['select', 'book', 'release'] as const;
export type UserAction = (typeof userActions)[number];

/** The commands on a hold, which is one or several seats: `POST /api/shows/:show/holds/extend`. */
export const holdActions = ['extend', 'book', 'release'] as const;
export type HoldAction = (typeof holdActions)[number];

/** `user_id` is optional with a session. */
export const CommandBody = Type.Object(
  { seat_id: SeatId, user_id: Type.Optional(UserId) },
  {
    $id: 'CommandBody',
    description:
      'The seat, and the user who acts. With a session `user_id` is optional; if present, it must be the user of the session.',
  },
);
export type CommandBody = Static<typeof CommandBody>;

export const CommandReply = Type.Object(
  { success: Type.Literal(true), seat: Seat },
  { $id: 'CommandReply', description: 'The command took effect. `seat` is the seat after it.' },
);
export type CommandReply = Static<typeof CommandReply>;

/** Without the `$id` of a seat, which a schema may have only once. */
export const SeatList = Type.Array(Type.Object(Seat.properties, { additionalProperties: false }), {
  description: 'The seats of the command as they are; in a refusal those that are its reason',
});
export const SeatIds = Type.Array(SeatId, {
  minItems: 1,
  maxItems: maxGroupSize,
  uniqueItems: true,
  description: 'Ids of the seats: the command applies to all of them or to none',
});

/** In place of seats: the server chooses. */
export const BestSeats = Type.Object(
  {
    count: Type.Integer({ minimum: 1, maximum: maxGroupSize, description: 'Number of seats' }),
    category: Type.Optional(Type.String({ maxLength: 64, description: 'Only seats of this category' })),
    section: Type.Optional(Type.String({ maxLength: 64, description: 'Only seats of this section' })),
    accessible: Type.Optional(
      Type.Boolean({ description: 'One seat for a wheelchair user and, from a count of 2, one for a companion' }),
    ),
  },
  { description: 'The best free seats together: adjacent in one row if possible, near the focal point' },
);
export type BestSeats = Static<typeof BestSeats>;

/** Of `POST /api/shows/:show/holds`: either `seats` or `best`. */
export const HoldBody = Type.Object(
  { seats: Type.Optional(SeatIds), best: Type.Optional(BestSeats), user_id: Type.Optional(UserId) },
  { $id: 'HoldBody', description: 'The seats to hold, or `best` for the best free ones, and the user who acts.' },
);
export type HoldBody = Static<typeof HoldBody>;

/** Of `POST /api/shows/:show/holds/extend|book|release`. Without `seats`: all that the user holds. */
export const HoldActionBody = Type.Object(
  { seats: Type.Optional(SeatIds), user_id: Type.Optional(UserId) },
  { $id: 'HoldActionBody', description: 'The seats, or all that the user holds, and the user who acts.' },
);
export type HoldActionBody = Static<typeof HoldActionBody>;

export const HoldReply = Type.Object(
  {
    success: Type.Literal(true),
    seats: SeatList,
    expires_at: Type.Optional(Type.Number({ description: 'When the first of these holds ends: Unix seconds' })),
  },
  { $id: 'HoldReply', description: 'The command took effect on all its seats.' },
);
export type HoldReply = Static<typeof HoldReply>;

export const ErrorDetail = Type.Object({
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorCodes) }),
  message: Type.String({ description: 'One sentence for people. It may change; programs use `code`' }),
  retryable: Type.Boolean({ description: 'Whether the same request, unchanged, may succeed later' }),
});

export const ErrorReply = Type.Object(
  {
    success: Type.Literal(false),
    error: ErrorDetail,
    seat: Type.Optional(Seat),
    seats: Type.Optional(SeatList),
  },
  {
    $id: 'ErrorReply',
    description:
      'A refusal. If Redis refused a command, `seat` is the seat as it is, or `seats` are those of several that are the reason.',
  },
);
export type ErrorReply = Static<typeof ErrorReply>;
