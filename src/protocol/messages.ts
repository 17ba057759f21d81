import { type Static, Type } from 'typebox';
import { BestSeats, ErrorDetail, SeatIds, SeatList } from './commands.ts';
import { Seat, SeatId, UserId } from './seat.ts';
import { CompactState, Position, SeatChanges, VenueState } from './venue.ts';

const RequestId = Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Integer()]));
const SeatRequest = Type.Object({ seat_id: SeatId, user_id: Type.Optional(UserId) });
/** Unlike over HTTP, `seats` is required: an edge may retry the command, and a retry must mean the same seats. */
const HoldRequest = Type.Object({ seats: SeatIds, user_id: Type.Optional(UserId) });

/** Messages from a browser. The ACK or ERROR that replies to one repeats its `request_id`. */
export const ClientMessage = Type.Union([
  Type.Object({
    type: Type.Literal('CONNECT'),
    request_id: RequestId,
    data: Type.Optional(
      Type.Object({
        user_id: Type.Optional(UserId),
        token: Type.Optional(
          Type.String({ maxLength: 2048, description: "Of a session; a page's cookie does as well" }),
        ),
        venue: Type.Optional(
          Type.String({ maxLength: 64, description: 'Id of the show; without it, the default show' }),
        ),
        position: Type.Optional(Position),
        presence: Type.Optional(Type.Boolean({ description: 'Whether PRESENCE is wanted' })),
      }),
    ),
  }),
  Type.Object({
    type: Type.Literal('subscribe'),
    request_id: RequestId,
    venue: Type.Optional(Type.String({ maxLength: 64 })),
    data: Type.Optional(Type.Object({ venue: Type.Optional(Type.String({ maxLength: 64 })) })),
  }),
  Type.Object({ type: Type.Literal('PING'), request_id: RequestId }),
  Type.Object({ type: Type.Literal('SELECT_SEAT'), request_id: RequestId, data: SeatRequest }),
  Type.Object({ type: Type.Literal('BOOK_SEAT'), request_id: RequestId, data: SeatRequest }),
  Type.Object({ type: Type.Literal('RELEASE_SEAT'), request_id: RequestId, data: SeatRequest }),
  Type.Object({ type: Type.Literal('HOLD_SEATS'), request_id: RequestId, data: HoldRequest }),
  Type.Object({
    type: Type.Literal('HOLD_BEST'),
    request_id: RequestId,
    data: Type.Interface([BestSeats], { user_id: Type.Optional(UserId) }),
  }),
  Type.Object({ type: Type.Literal('EXTEND_HOLD'), request_id: RequestId, data: HoldRequest }),
  Type.Object({ type: Type.Literal('BOOK_HOLD'), request_id: RequestId, data: HoldRequest }),
  Type.Object({ type: Type.Literal('RELEASE_HOLD'), request_id: RequestId, data: HoldRequest }),
]);
export type ClientMessage = Static<typeof ClientMessage>;

export const SeatUpdate = Type.Object({
  seat_id: SeatId,
  status: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]),
  held_by: Type.Optional(UserId),
  expires_at: Type.Optional(Type.Number()),
  seq: Type.Integer({ minimum: 1 }),
});
export type SeatUpdate = Static<typeof SeatUpdate>;

/** Messages from an edge. */
export const ServerMessage = Type.Union([
  Type.Object({ type: Type.Literal('VENUE_STATE'), request_id: RequestId, data: VenueState }),
  Type.Object({ type: Type.Literal('SEATS'), request_id: RequestId, data: Type.Union([CompactState, SeatChanges]) }),
  Type.Object({ type: Type.Literal('STALE'), data: Type.Object({ stale: Type.Boolean() }) }),
  Type.Object({ type: Type.Literal('SEAT_UPDATE'), data: SeatUpdate }),
  Type.Object({
    type: Type.Literal('PRESENCE'),
    data: Type.Object({ watching: Type.Integer({ minimum: 0, description: 'Browsers, at all edges' }) }),
  }),
  Type.Object({
    type: Type.Literal('ACK'),
    request_id: RequestId,
    data: Type.Object({
      success: Type.Literal(true),
      seat: Type.Optional(Seat),
      seats: Type.Optional(SeatList),
      expires_at: Type.Optional(
        Type.Number({ description: 'With `seats`: when the first of these holds ends, Unix seconds' }),
      ),
      server_time: Type.Optional(
        Type.Number({ description: 'Unix seconds on the clock of Redis; for CONNECT and PING' }),
      ),
      hold_seconds: Type.Optional(Type.Number({ description: 'For CONNECT and PING' })),
      max_holds: Type.Optional(Type.Integer({ description: 'For CONNECT and PING' })),
      hold_extensions: Type.Optional(Type.Integer({ description: 'For CONNECT and PING' })),
    }),
  }),
  Type.Object({
    type: Type.Literal('ERROR'),
    request_id: RequestId,
    data: Type.Interface([ErrorDetail], { seat: Type.Optional(Seat), seats: Type.Optional(SeatList) }),
  }),
]);
export type ServerMessage = Static<typeof ServerMessage>;
