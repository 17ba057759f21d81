import { type Static, Type } from 'typebox';
import { SeatId, UserId } from './seat.ts';
import { SystemId } from './venue.ts';

/** Why a hold ended or was extended, unless it is obvious. */
export const transitionReasons = ['user', 'expired', 'closed', 'extended', 'checkout'] as const;
type TransitionReason = (typeof transitionReasons)[number];

/** One transition of one seat. NATS carries it on `seats.<type>`, or `seats.<show>.<type>`. */
export const SeatEvent = Type.Object(
  {
    type: Type.Union([Type.Literal('held'), Type.Literal('released'), Type.Literal('booked')], {
      description: 'What happened to the seat',
    }),
    seat_id: SeatId,
    user_id: UserId,
    status: Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], {
      description: 'Status after the transition: 0 available, 1 held, 2 booked',
    }),
    timestamp: Type.String({ description: 'ISO 8601, on the clock of Redis' }),
    expires_at: Type.Optional(Type.Number({ description: 'End of the hold in Unix seconds; present only for `held`' })),
    reason: Type.Optional(
      Type.Unsafe<TransitionReason>({
        type: 'string',
        enum: transitionReasons,
        description:
          'For `released`: `user`, `expired`, or `closed` if its order ended without a ticket. For `held`: `extended` or `checkout` if it extends a hold',
      }),
    ),
    system: Type.Optional(SystemId),
    epoch: Type.String({ minLength: 1, maxLength: 64, description: 'Epoch of the venue' }),
    seq: Type.Integer({ minimum: 1, description: 'Number of the transition within the epoch, without gaps' }),
  },
  { $id: 'SeatEvent', description: 'One transition of one seat.' },
);
export type SeatEvent = Static<typeof SeatEvent>;

/**
 * The newest position and the hold settings of a show, published twice a second by every booking process that has opened it. A subscriber
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
  hold_extensions: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type Heartbeat = Static<typeof Heartbeat>;

/** `GET /api/events`: the transitions after a position. */
export const EventsAfter = Type.Object(
  {
    epoch: Type.String({ description: 'Current epoch of the venue' }),
    seq: Type.Integer({ minimum: 0, description: 'Number of the latest transition of the venue' }),
    server_time: Type.Number({ description: 'Unix seconds on the clock of Redis' }),
    events: Type.Optional(
      Type.Array(SeatEvent, { description: 'In order. Absent if the position is unknown or too old: read the venue' }),
    ),
  },
  { $id: 'EventsAfter', description: 'The transitions after a position, and the latest position.' },
);
export type EventsAfter = Static<typeof EventsAfter>;

/** The subjects that JetStream stores: the transitions of all shows. */
export const allSeatSubjects = 'seats.>';

/** The subjects of a show on NATS. Without an id: the default show, whose subjects name no show. */
export function subjectsOf(show?: string) {
  const infix = show === undefined ? '' : `${show}.`;
  const of = ({ type }: Pick<SeatEvent, 'type'>) => `seats.${infix}${type}`;
  return {
    seats: `seats.${infix}*`,
    of,
    transitions: (['held', 'released', 'booked'] as const).map((type) => of({ type })),
    heartbeat: `venue.${infix}heartbeat`,
    presence: `presence.${infix}edges`,
  };
}
