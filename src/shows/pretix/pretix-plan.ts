import { type Static, type TSchema, Type } from 'typebox';

/** Of each list, so that the conversion is bounded; the seats are counted afterwards. */
const maxEntries = 20_000;

const ListOf = <Item extends TSchema>(item: Item) => Type.Array(item, { maxItems: maxEntries });
const Coordinate = Type.Number({ minimum: -1e6, maximum: 1e6 });
const Text = Type.String({ errorMessage: 'must be a text' });

const Position = Type.Object({ x: Coordinate, y: Coordinate });

const Seat = Type.Object({ seat_guid: Text, seat_number: Text, position: Position, category: Text });

const Row = Type.Object({
  row_number: Text,
  row_number_position: Type.Optional(Type.Unknown()),
  position: Type.Optional(Position),
  seats: ListOf(Seat),
});
export type PretixRow = Static<typeof Row>;

const Area = Type.Object({
  shape: Type.Optional(Text),
  color: Type.Optional(Text),
  border_color: Type.Optional(Text),
  rotation: Type.Optional(Coordinate),
  position: Type.Optional(Position),
  rectangle: Type.Optional(Type.Object({ width: Coordinate, height: Coordinate })),
  text: Type.Optional(Type.Object({ text: Text, position: Position, color: Type.Optional(Text) })),
});
export type PretixArea = Static<typeof Area>;

const Zone = Type.Object({
  name: Type.Optional(Text),
  position: Position,
  rows: ListOf(Row),
  areas: Type.Optional(ListOf(Area)),
});
export type PretixZone = Static<typeof Zone>;

/** The JSON of pretix's seating plan editor, as far as it is used: other keys (uuid, radius …) are allowed. */
export const PretixPlan = Type.Object({
  name: Text,
  categories: ListOf(Type.Object({ name: Text, color: Type.Optional(Text) })),
  zones: ListOf(Zone),
  size: Type.Optional(Type.Object({ width: Coordinate, height: Coordinate })),
});
export type PretixPlan = Static<typeof PretixPlan>;
