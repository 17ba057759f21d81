import { type Static, Type } from 'typebox';
import { type ErrorCode, errorCodes } from './errors.ts';
import { Seat, SeatId, UserId } from './seat.ts';

/** The commands on a seat. The names are those of the routes: `POST /api/seats/select`. */
export const userActions = ['select', 'book', 'release'] as const;
export type UserAction = (typeof userActions)[number];

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

export const ErrorDetail = Type.Object({
  code: Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorCodes) }),
  message: Type.String({ description: 'One sentence for people. It may change; programs use `code`' }),
  retryable: Type.Boolean({ description: 'Whether the same request, unchanged, may succeed later' }),
});

export const ErrorReply = Type.Object(
  { success: Type.Literal(false), error: ErrorDetail, seat: Type.Optional(Seat) },
  { $id: 'ErrorReply', description: 'A refusal. `seat` is present if Redis refused a command: the seat as it is.' },
);
export type ErrorReply = Static<typeof ErrorReply>;
