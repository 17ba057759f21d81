import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { Label, Name } from './names.ts';
import { maxSections } from './plan-document.ts';

const maxUnits = 20_000;
const maxRows = 500;
const maxSeatsPerRow = 500;

const SeatsOfSection = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 2, maxLength: 33, errorMessage: 'must be a row and a seat, such as "A1"' }), {
      maxItems: maxRows * maxSeatsPerRow,
      default: [],
      description,
    }),
  );

const Repeat = Type.Object(
  {
    count: Type.Integer({ minimum: 1, maximum: maxSections }),
    first_number: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 9_999, default: 1, description: 'What {n} stands for in the first of them' }),
    ),
    angle_step: Type.Optional(Type.Number({ minimum: -180, maximum: 180, default: 0, description: 'Degrees' })),
    offset_step: Type.Optional(Type.Number({ minimum: -maxUnits, maximum: maxUnits, default: 0 })),
  },
  { additionalProperties: false, description: 'Makes several sections that differ in number and place' },
);

const LayoutSection = Type.Object(
  {
    name: Type.String({ ...Name, description: '{n} stands for the number of a repeated section' }),
    id_prefix: Type.Optional(
      Type.String({
        pattern: '^([A-Za-z0-9-]|\\{n\\}){0,24}$',
        default: '',
        errorMessage: 'must have at most 24 characters of A-Z, a-z, 0-9 and -, and perhaps {n}',
        description: 'Begins the ids of its seats; necessary with several sections. {n} as in the name',
      }),
    ),
    rows: Type.Integer({ minimum: 1, maximum: maxRows }),
    seats: Type.Integer({ minimum: 1, maximum: maxSeatsPerRow, description: 'In the first row' }),
    seats_step: Type.Optional(
      Type.Integer({ minimum: -20, maximum: 20, default: 0, description: 'How many more each further row has' }),
    ),
    first_row: Type.Optional(
      Type.String({
        pattern: '^([A-Z]{1,2}|[0-9]{1,4})$',
        default: 'A',
        errorMessage: 'must be the label of a row: letters (A to ZZ) or a number',
        description: 'A, B, C … or 1, 2, 3 …',
      }),
    ),
    first_seat: Type.Optional(Type.Integer({ minimum: 0, maximum: 9_999, default: 1 })),
    aisles_after: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: maxSeatsPerRow }), {
        maxItems: maxSeatsPerRow,
        default: [],
        description: 'After how many seats from the left an aisle runs, one seat wide',
      }),
    ),
    category: Name,
    category_from: Type.Optional(
      Type.Record(Label, Name, {
        default: {},
        description: 'By label of a row: the category of that row and of those behind it',
      }),
    ),
    accessible: SeatsOfSection('Seats for wheelchair users, without the prefix: ["A1", "A12"]'),
    companion: SeatsOfSection('Seats of their companions, next to them'),
    restricted_view: SeatsOfSection('Seats with a restricted view'),
    distance: Type.Optional(
      Type.Number({ minimum: 0, maximum: maxUnits, default: 60, description: 'Of the first row from the focal point' }),
    ),
    angle: Type.Optional(
      Type.Number({
        minimum: -180,
        maximum: 180,
        default: 0,
        description: 'Degrees by which the section is turned around the focal point: 0 in front of it, 90 to the right',
      }),
    ),
    offset: Type.Optional(
      Type.Number({ minimum: -maxUnits, maximum: maxUnits, default: 0, description: 'Shift along its rows' }),
    ),
    curved: Type.Optional(Type.Boolean({ default: false, description: 'Its rows are arcs around the focal point' })),
    repeat: Type.Optional(Repeat),
  },
  { additionalProperties: false },
);

/** The input from which a plan is generated. */
export const Layout = Type.Object(
  {
    seat_pitch: Type.Optional(
      Type.Number({ minimum: 1, maximum: 1_000, default: 20, description: 'From one seat to the next' }),
    ),
    row_pitch: Type.Optional(
      Type.Number({ minimum: 1, maximum: 1_000, default: 24, description: 'From one row to the next' }),
    ),
    sections: Type.Array(LayoutSection, { minItems: 1, maxItems: maxSections }),
  },
  { additionalProperties: false, description: 'Sections of regular rows, around a focal point' },
);
export type Layout = Static<typeof Layout>;

/** With its defaults. */
export type LayoutSection = Required<Omit<Static<typeof LayoutSection>, 'repeat'>> & {
  repeat?: Required<Static<typeof Repeat>>;
};
export type CompleteLayout = Required<Omit<Layout, 'sections'>> & { sections: LayoutSection[] };

const validator = Compile(Layout);

/** Fills in the defaults of a valid layout. */
export const completeLayout = (layout: Layout): CompleteLayout =>
  validator.Default(structuredClone(layout)) as CompleteLayout;
