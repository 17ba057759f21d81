import { type Static, Type } from 'typebox';
import { type ErrorCode, errorCodes } from './errors.ts';
import { Seat, SeatId, UserId } from './seat.ts';

/** What a user can ask of a seat. The names are those of the routes: `POST /api/seats/select`. */
export const userActions = ['select', 'book', 'release'] as const;
export type UserAction = (typeof userActions)[number];

/** What a user can ask of a hold, which is one or several seats: `POST /api/shows/main/holds/extend`. */
export const holdActions = ['extend', 'book', 'release'] as const;
export type HoldAction = (typeof holdActions)[number];

/** The most seats of one command. */
export const maxGroupSize = 20;

/** `user_id` may be left out where a session says who acts. */
export const CommandBody = Type.Object({ seat_id: SeatId, user_id: Type.Optional(UserId) }, { $id: 'CommandBody' });
export type CommandBody = Static<typeof CommandBody>;

export const CommandReply = Type.Object({ success: Type.Literal(true), seat: Seat }, { $id: 'CommandReply' });
export type CommandReply = Static<typeof CommandReply>;

const SeatIds = Type.Array(SeatId, { minItems: 1, maxItems: maxGroupSize, uniqueItems: true });

/** Of `POST /api/shows/main/holds`. */
export const HoldBody = Type.Object({ seats: SeatIds, user_id: Type.Optional(UserId) }, { $id: 'HoldBody' });
export type HoldBody = Static<typeof HoldBody>;

/** Of `POST /api/shows/main/holds/extend|book|release`. Without `seats`: all that the user holds. */
export const HoldActionBody = Type.Object(
  { seats: Type.Optional(SeatIds), user_id: Type.Optional(UserId) },
  { $id: 'HoldActionBody' },
);
export type HoldActionBody = Static<typeof HoldActionBody>;

export const HoldReply = Type.Object(
  {
    success: Type.Literal(true),
    seats: Type.Array(Seat),
    expires_at: Type.Optional(Type.Number({ description: 'When the first of these holds ends: Unix seconds' })),
  },
  { $id: 'HoldReply' },
);
export type HoldReply = Static<typeof HoldReply>;

export const ErrorDetail = Type.Object({
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorCodes) }),
  message: Type.String(),
  retryable: Type.Boolean({ description: 'The same request may succeed later, unchanged' }),
});

export const ErrorReply = Type.Object(
  {
    success: Type.Literal(false),
    error: ErrorDetail,
    seat: Type.Optional(Seat),
    seats: Type.Optional(Type.Array(Seat, { description: 'Of a command on several seats: those that are the reason' })),
  },
  { $id: 'ErrorReply' },
);
export type ErrorReply = Static<typeof ErrorReply>;
