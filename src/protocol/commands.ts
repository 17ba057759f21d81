import { type Static, Type } from 'typebox';
import { type ErrorCode, errorCodes } from './errors.ts';
import { Seat, SeatId, UserId } from './seat.ts';

/** What a user can ask of a seat. The names are those of the routes: `POST /api/seats/select`. */
export const userActions = ['select', 'book', 'release'] as const;
export type UserAction = (typeof userActions)[number];

/** `user_id` may be left out where a session says who acts. */
export const CommandBody = Type.Object({ seat_id: SeatId, user_id: Type.Optional(UserId) }, { $id: 'CommandBody' });
export type CommandBody = Static<typeof CommandBody>;

export const CommandReply = Type.Object({ success: Type.Literal(true), seat: Seat }, { $id: 'CommandReply' });
export type CommandReply = Static<typeof CommandReply>;

export const ErrorDetail = Type.Object({
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorCodes) }),
  message: Type.String(),
  retryable: Type.Boolean({ description: 'The same request may succeed later, unchanged' }),
});

export const ErrorReply = Type.Object(
  { success: Type.Literal(false), error: ErrorDetail, seat: Type.Optional(Seat) },
  { $id: 'ErrorReply' },
);
export type ErrorReply = Static<typeof ErrorReply>;
