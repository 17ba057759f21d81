import { type Static, Type } from 'typebox';
import { SeatId, UserId } from './seat.ts';
import { SystemId } from './venue.ts';

/** One transition of one seat, as NATS carries it on `seats.<type>`. */
export const SeatEvent = Type.Object(
  {
    type: Type.Union([Type.Literal('held'), Type.Literal('released'), Type.Literal('booked')]),
    seat_id: SeatId,
    user_id: UserId,
    status: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], { description: 'After the transition' }),
    timestamp: Type.String({ description: 'ISO 8601, on the clock of Redis' }),
    expires_at: Type.Optional(Type.Number({ description: 'Unix seconds; of a hold only' })),
    reason: Type.Optional(
      Type.Union([Type.Literal('user'), Type.Literal('expired'), Type.Literal('extended')], {
        description: 'Of a release: by its user, or at the end of the hold. Of a hold: it is extended',
      }),
    ),
    system: Type.Optional(SystemId),
    epoch: Type.String({ minLength: 1, maxLength: 64 }),
    seq: Type.Integer({ minimum: 1 }),
  },
  { $id: 'SeatEvent' },
);
export type SeatEvent = Static<typeof SeatEvent>;

/**
 * The newest position and the hold settings of a venue, published by every booking process twice a second. A subscriber
 * that is behind has missed an event. A message of another `system` or `venue` is not for this subscriber.
 */
export const Heartbeat = Type.Object({
  system: Type.Optional(SystemId),
  venue: Type.Optional(Type.String({ maxLength: 64 })),
  epoch: Type.String({ minLength: 1, maxLength: 64 }),
  seq: Type.Integer({ minimum: 0 }),
  server_time: Type.Number({ description: 'Unix seconds on the clock of Redis' }),
  hold_seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  max_holds: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type Heartbeat = Static<typeof Heartbeat>;

/** `GET /api/events`: what happened after a position. No `events`: it cannot be told from there, take the whole venue. */
export const EventsAfter = Type.Object(
  {
    epoch: Type.String(),
    seq: Type.Integer({ minimum: 0, description: "The venue's newest transition" }),
    server_time: Type.Number(),
    events: Type.Optional(Type.Array(SeatEvent)),
  },
  { $id: 'EventsAfter' },
);
export type EventsAfter = Static<typeof EventsAfter>;

/** What a subscriber of NATS needs to know. */
export const subjects = {
  allSeats: 'seats.>',
  of: (event: Pick<SeatEvent, 'type'>): string => `seats.${event.type}`,
  heartbeat: 'venue.heartbeat',
  presence: 'presence.edges',
} as const;
