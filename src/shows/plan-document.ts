import { type Static, Type } from 'typebox';
import { SeatId } from '../protocol/seat.ts';
import { Label, Name } from './names.ts';

/** Every seat of a plan is part of one reply, and has an actor as soon as it is used. */
export const maxSeats = 20_000;
export const maxSections = 500;
const maxUnits = 100_000;

const seatFlags = ['accessible', 'companion', 'restricted-view'] as const;
export type SeatFlag = (typeof seatFlags)[number];

const Units = Type.Number({ minimum: 0, maximum: maxUnits });

const Point = Type.Object({ x: Units, y: Units }, { additionalProperties: false });
export type Point = Static<typeof Point>;

const PlanSeat = Type.Object(
  {
    id: Type.String({
      ...SeatId,
      errorMessage: 'must have 1 to 32 characters of A-Z, a-z, 0-9 and -, and not begin with -',
      description: 'Unique in the plan',
    }),
    label: Label,
    x: Units,
    y: Units,
    category: Type.Optional(Type.String({ ...Name, description: 'If it differs from the category of the row' })),
    flags: Type.Optional(
      Type.Array(
        Type.Unsafe<SeatFlag>({
          type: 'string',
          enum: seatFlags,
          errorMessage: `must be one of ${seatFlags.join(', ')}`,
        }),
        { minItems: 1, maxItems: seatFlags.length },
      ),
    ),
    aisle_after: Type.Optional(
      Type.Boolean({ description: 'An aisle follows, although the next seat stands no further away than usual' }),
    ),
  },
  { additionalProperties: false },
);
export type PlanSeat = Static<typeof PlanSeat>;

const PlanRow = Type.Object(
  {
    label: Label,
    category: Name,
    seats: Type.Array(PlanSeat, {
      minItems: 1,
      maxItems: maxSeats,
      description: 'In the order in which they stand, from left to right',
    }),
  },
  { additionalProperties: false },
);
export type PlanRow = Static<typeof PlanRow>;

const PlanSection = Type.Object(
  {
    name: Name,
    rows: Type.Array(PlanRow, { minItems: 1, maxItems: maxSeats, description: 'From front to back' }),
  },
  { additionalProperties: false },
);
export type PlanSection = Static<typeof PlanSection>;

/** A seating plan as JSON: inline in a show file, and as clients get it. */
export const PlanDocument = Type.Object(
  {
    focal_point: Type.Object(Point.properties, {
      additionalProperties: false,
      description: 'What the audience looks at: the best seats are those nearest to it',
    }),
    sections: Type.Array(PlanSection, { minItems: 1, maxItems: maxSections }),
  },
  {
    additionalProperties: false,
    description: 'Every seat. x grows to the right and y downwards, in any unit; 20 between two seats is usual',
  },
);
export type PlanDocument = Static<typeof PlanDocument>;
