import { type Static, Type } from 'typebox';
import { Position } from './venue.ts';

const showIdPattern = '^[a-z0-9-]{1,32}$';
const showId = new RegExp(showIdPattern);

/** False: no show can have this id. */
export const isShowId = (text: string): boolean => showId.test(text);

export const ShowId = Type.String({
  pattern: showIdPattern,
  maxLength: 32,
  examples: ['chamber'],
  description: 'Id of the show: the name of its file',
});

const Time = (description: string) =>
  Type.Optional(
    Type.String({
      description: `${description}. ISO 8601, with the offset of the hall; with Z if the show file has none`,
      examples: ['2030-06-21T20:00:00+02:00'],
    }),
  );
const Amount = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, in minor units of the currency` });

const summary = {
  id: ShowId,
  name: Type.String({ description: 'For people' }),
  starts_at: Time('When the show starts'),
  sale: Type.Union([Type.Literal('upcoming'), Type.Literal('open'), Type.Literal('closed')], {
    description: 'Whether seats are on sale now',
  }),
  unavailable: Type.Optional(
    Type.Literal(true, { description: 'Present while this booking process must not sell the show; another one may' }),
  ),
  sale_opens_at: Time('Before it the sale is `upcoming`'),
  sale_closes_at: Time('From then on the sale is `closed`'),
  currency: Type.Optional(Type.String({ description: 'ISO 4217. Absent: the show is free', examples: ['EUR'] })),
  lowest_price: Type.Optional(Amount('Of the cheapest ticket')),
  highest_price: Type.Optional(Amount('Of the dearest ticket')),
  seats: Type.Integer({ minimum: 1, description: 'Number of seats of the plan' }),
};

const ShowSummary = Type.Object(summary, { additionalProperties: false });
export type ShowSummary = Static<typeof ShowSummary>;

export const ShowList = Type.Object(
  { shows: Type.Array(ShowSummary, { description: 'Each with its dates, prices and number of seats' }) },
  { $id: 'ShowList', description: 'All shows: the default show first, then by id.' },
);
export type ShowList = Static<typeof ShowList>;

export const ShowDetails = Type.Object(
  {
    ...summary,
    categories: Type.Array(
      Type.Object({
        name: Type.String({ description: 'For people' }),
        colour: Type.String({ description: 'For the map', examples: ['#1e8449'] }),
        prices: Type.Optional(Type.Record(Type.String(), Amount('Price'), { description: 'By ticket type' })),
      }),
      { description: 'With their prices' },
    ),
    checkout: Type.Optional(
      Type.Literal(true, { description: 'Present: its seats are sold by orders, and `book` is refused' }),
    ),
    ticket_types: Type.Optional(Type.Array(Type.String(), { description: 'The first is the default' })),
    plan: Type.String({ description: 'Hash of the seating plan: `GET /api/shows/:show/plan/:hash`' }),
    single_seats: Type.Union([Type.Literal('warn'), Type.Literal('refuse')], {
      description: 'What happens to a choice that leaves a single seat: the page warns, or the server refuses it too',
    }),
    hold_seconds: Type.Number({ description: 'How long a hold lasts' }),
    max_holds: Type.Integer({ description: 'Number of seats that one user may hold at once' }),
    hold_extensions: Type.Integer({ description: 'How often a hold may be extended' }),
    position: Type.Object(Position.properties, {
      description: 'Position in the history of the show at which the counts are right',
    }),
    counts: Type.Object(
      { available: Type.Integer(), held: Type.Integer(), booked: Type.Integer() },
      { description: 'How many seats have each status' },
    ),
  },
  { $id: 'ShowDetails', description: 'A show, its prices, and how many seats have each status.' },
);
export type ShowDetails = Static<typeof ShowDetails>;
