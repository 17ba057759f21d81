import { type Static, Type } from 'typebox';
import { Layout } from './layout.ts';
import { Name } from './names.ts';
import { PlanDocument } from './plan-document.ts';

/** Payment providers take eight digits in one payment. */
const maxAmount = 99_999_999;
const maxCategories = 50;
const maxTicketTypes = 20;

const Time = (description: string) =>
  Type.String({
    pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2})?(Z|[+-]\\d{2}:\\d{2})$',
    errorMessage: 'must be a time with its offset, such as "2030-05-18T19:30:00+02:00" or "2030-05-18T17:30:00Z"',
    description,
  });

const Category = Type.Object(
  {
    name: Name,
    colour: Type.String({
      pattern: '^#[0-9a-fA-F]{6}$',
      errorMessage: 'must be a colour, such as "#c0392b"',
      description: 'Of its seats on the map',
    }),
  },
  { additionalProperties: false },
);
export type Category = Static<typeof Category>;

const Limits = Type.Object(
  {
    max_holds: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'Seats that one user may hold at once' }),
    ),
    hold_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400, description: 'How long a hold lasts' })),
  },
  { additionalProperties: false, description: 'In place of the settings MAX_HOLDS_PER_USER and HOLD_SECONDS' },
);

/** A show as a file. Its id is the name of the file. */
export const ShowFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ errorMessage: 'must be a text', description: 'For editors' })),
    name: Name,
    starts_at: Time('When the show begins'),
    sale_opens_at: Type.Optional(Time('Without it, the sale is open')),
    sale_closes_at: Type.Optional(Time('Without it, the sale closes when the show begins')),
    currency: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{3}$',
        errorMessage: 'must be a currency of ISO 4217, such as "EUR"',
        description: 'ISO 4217. Present if and only if there are prices',
      }),
    ),
    ticket_types: Type.Optional(
      Type.Array(Name, {
        minItems: 1,
        maxItems: maxTicketTypes,
        examples: [['adult', 'child']],
        description: 'The first is the default. Present if and only if there are prices',
      }),
    ),
    categories: Type.Array(Category, { minItems: 1, maxItems: maxCategories }),
    prices: Type.Optional(
      Type.Record(
        Name,
        Type.Record(
          Name,
          Type.Integer({
            minimum: 0,
            maximum: maxAmount,
            errorMessage: `must be a whole number of minor units (cents) from 0 to ${maxAmount}: 4500 is 45.00`,
            description: 'In minor units (cents): 4500 is 45.00',
          }),
        ),
        { description: 'By category and ticket type. Without prices, a booking needs no payment' },
      ),
    ),
    limits: Type.Optional(Limits),
    single_seats: Type.Optional(
      Type.Unsafe<'warn' | 'refuse'>({
        type: 'string',
        enum: ['warn', 'refuse'],
        errorMessage: 'must be "warn" or "refuse"',
        description:
          'What happens to a choice that leaves a single seat: the page warns (the default), or it is refused',
      }),
    ),
    plan: Type.Optional(PlanDocument),
    layout: Type.Optional(Layout),
  },
  {
    additionalProperties: false,
    description: 'A show. Either `plan` lists every seat, or `layout` describes sections of regular rows.',
  },
);
export type ShowFile = Static<typeof ShowFile>;
