import { parseArgs } from 'node:util';
import { parseShow } from '../parse-show.ts';
import type { ShowFile } from '../show-file.ts';
import { jsonText } from './json-text.ts';
import { UsageError } from './usage-error.ts';

/** Of a show whose author has not set it. */
export const exampleStart = '2030-01-01T20:00:00Z';
const defaultColour = '#2874a6';

const options = {
  rows: { type: 'string' },
  seats: { type: 'string' },
  'seats-step': { type: 'string' },
  'aisle-after': { type: 'string', multiple: true },
  curved: { type: 'boolean' },
  distance: { type: 'string' },
  name: { type: 'string' },
  section: { type: 'string' },
  category: { type: 'string' },
  'starts-at': { type: 'string' },
  currency: { type: 'string' },
  price: { type: 'string', multiple: true },
  inline: { type: 'boolean' },
} as const;

/** A show file of one section of regular rows. */
export function generateCommand(args: string[]): string {
  const { values } = parseArgs({ args, options });
  const { rows, seats, category = 'Standard' } = values;
  if (rows === undefined || seats === undefined) throw new UsageError('generate needs --rows and --seats');
  const section = {
    name: values.section ?? 'Hall',
    rows: wholeNumber('rows', rows),
    seats: wholeNumber('seats', seats),
    ...optional('seats_step', values['seats-step'] && wholeNumber('seats-step', values['seats-step'])),
    ...optional(
      'aisles_after',
      values['aisle-after']?.map((after) => wholeNumber('aisle-after', after)),
    ),
    ...optional('curved', values.curved),
    ...optional('distance', values.distance && wholeNumber('distance', values.distance)),
    category,
  };
  const file: ShowFile = {
    $schema: './show.schema.json',
    name: values.name ?? 'New show',
    starts_at: values['starts-at'] ?? exampleStart,
    categories: [{ name: category, colour: defaultColour }],
    ...pricing(category, values.currency, values.price),
    layout: { sections: [section] },
  };
  const text = jsonText(file);
  const { plan } = parseShow('generated', text, 'generate');
  if (!values.inline) return text;
  const { layout: _, ...rest } = file;
  return jsonText({ ...rest, plan: plan.toDocument() });
}

function pricing(category: string, currency: string | undefined, prices: readonly string[] = []): Partial<ShowFile> {
  if (prices.length === 0) {
    if (currency !== undefined) throw new UsageError('--currency needs a --price');
    return {};
  }
  if (currency === undefined) throw new UsageError('--price needs a --currency');
  const byType = prices.map((price): [string, number] => {
    const [type = '', amount] = price.split('=');
    if (amount === undefined)
      throw new UsageError(`--price ${price}: must be a ticket type and minor units: adult=4500`);
    return [type, wholeNumber('price', amount)];
  });
  return { currency, ticket_types: byType.map(([type]) => type), prices: { [category]: Object.fromEntries(byType) } };
}

function wholeNumber(option: string, text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new UsageError(`--${option} ${text}: must be a whole number`);
  return Number(text);
}

const optional = <Key extends string, Value>(key: Key, value: Value | undefined | ''): Record<Key, Value> | object =>
  value === undefined || value === '' ? {} : { [key]: value };
