import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultShow } from '../../src/shows/default-show.ts';
import { duplicateKeys } from '../../src/shows/duplicate-keys.ts';
import { parseShow, parseShowFile } from '../../src/shows/parse-show.ts';
import { readShow, readShowFile, showFilesIn } from '../../src/shows/read-shows.ts';
import { priceOf, type Show, saleState } from '../../src/shows/show.ts';
import { ShowFileError } from '../../src/shows/show-file-error.ts';
import { showSchemaText } from '../../src/shows/show-schema.ts';

import { spoilt } from './spoilt-json.ts';

type Json = Record<string, unknown>;

const seat = (id: string, label: string, x: number): Json => ({ id, label, x, y: 60 });

/** A valid show with prices and a plan of three seats. */
const show = (): Json => ({
  name: 'Concert',
  starts_at: '2030-05-18T19:30:00+02:00',
  sale_opens_at: '2030-01-01T10:00:00Z',
  sale_closes_at: '2030-05-18T12:00:00Z',
  currency: 'EUR',
  ticket_types: ['adult', 'child'],
  categories: [
    { name: 'Front', colour: '#b03a2e' },
    { name: 'Rear', colour: '#2874a6' },
  ],
  prices: { Front: { adult: 4500, child: 2000 }, Rear: { adult: 2800, child: 0 } },
  limits: { max_holds: 4, hold_seconds: 90 },
  plan: {
    focal_point: { x: 20, y: 0 },
    sections: [
      {
        name: 'Hall',
        rows: [
          { label: 'A', category: 'Front', seats: [seat('A1', '1', 0), seat('A2', '2', 20)] },
          { label: 'B', category: 'Rear', seats: [{ ...seat('B1', '1', 0), y: 84, flags: ['accessible'] }] },
        ],
      },
    ],
  },
});

const layoutShow = (section: Json, layout: Json = {}): Json => {
  const { plan: _, ...rest } = show();
  return {
    ...rest,
    layout: { ...layout, sections: [{ name: 'Hall', rows: 5, seats: 6, category: 'Front', ...section }] },
  };
};

const everyKey = {
  name: 'Block {n}',
  id_prefix: '{n}-',
  seats_step: 1,
  first_row: 'A',
  first_seat: 1,
  aisles_after: [3],
  category_from: { B: 'Rear' },
  accessible: ['A1'],
  companion: ['A2'],
  restricted_view: ['A3'],
  distance: 200,
  angle: 10,
  offset: 5,
  curved: true,
  repeat: { count: 2, first_number: 1, angle_step: 60, offset_step: 0 },
};

const parsed = (file: Json): Show => parseShow('concert', JSON.stringify(file), 'concert.json');

/** The lines of the error, without the name of the file. */
function problemsOf(file: Json): string[] {
  try {
    parsed(file);
  } catch (error) {
    return String((error as Error).message)
      .split('\n')
      .map((line) => line.replace(/^concert\.json: /, ''));
  }
  return [];
}

/** The show with one value changed: `change(file, 'plan.sections.0.name', 'Balcony')`; undefined removes it. */
function change(file: Json, path: string, value: unknown): Json {
  const steps = path.split('.');
  const last = steps.pop() as string;
  const parent = steps.reduce((inner, step) => inner[step] as Json, file);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return file;
}

const time = (text: string) => Date.parse(text);

describe('show file', () => {
  test('[R510] becomes a show', () => {
    const { plan, pricing, ...rest } = parsed(show());
    expect(rest).toMatchObject({ id: 'concert', name: 'Concert', maxHolds: 4, holdTtlMs: 90_000 });
    expect(rest.startsAtMs).toBe(time('2030-05-18T17:30:00Z'));
    expect(plan.size).toBe(3);
    expect(pricing?.currency).toBe('EUR');
    expect(priceOf(parsed(show()), 0)).toBe(4500);
    expect(priceOf(parsed(show()), 2, 'child')).toBe(0);
    expect(priceOf(parsed(show()), 0, 'senior')).toBeUndefined();
    expect(priceOf(defaultShow(), 0)).toBeUndefined();
  });

  test('[R510] may leave out prices, sale times and limits', () => {
    const { name, starts_at, categories, plan } = show();
    const free = parsed({ name, starts_at, categories, plan });
    expect([free.pricing, free.saleOpensAtMs, free.maxHolds, free.holdTtlMs]).toEqual(Array(4).fill(undefined));
    expect(free.saleClosesAtMs).toBe(free.startsAtMs);
  });

  const wrong: [string, unknown, string][] = [
    ['name', undefined, '.name is missing; must be a text of 1 to 64 characters without spaces at its ends'],
    ['name', ' x', '.name is " x"; must be a text of 1 to 64 characters without spaces at its ends'],
    [
      'starts_at',
      'tomorrow',
      '.starts_at is "tomorrow"; must be a time with its offset, such as "2030-05-18T19:30:00+02:00" or "2030-05-18T17:30:00Z"',
    ],
    ['starts_at', '2030-02-31T10:00:00Z', '.starts_at is "2030-02-31T10:00:00Z"; must be a date and a time that exist'],
    [
      'starts_at',
      '2029-12-31T10:00:00Z',
      '.starts_at is "2029-12-31T10:00:00Z"; must not be before the sale opens, .sale_opens_at 2030-01-01T10:00:00Z',
    ],
    [
      'sale_closes_at',
      '2030-01-01T10:00:00Z',
      '.sale_closes_at is "2030-01-01T10:00:00Z"; must be after the sale opens, .sale_opens_at 2030-01-01T10:00:00Z',
    ],
    ['currency', 'EUX', '.currency is "EUX"; must be a currency of ISO 4217, such as "EUR"'],
    [
      'currency',
      undefined,
      '.currency is missing; currency, ticket_types and prices must be given together, or all be left out for a free show',
    ],
    ['ticket_types', ['adult', 'child', 'adult'], '.ticket_types[2] is "adult"; must be unique'],
    ['categories.1.colour', 'red', '.categories[1].colour is "red"; must be a colour, such as "#c0392b"'],
    ['prices.Rear.child', undefined, '.prices.Rear.child is missing; must be the price in minor units (cents)'],
    ['prices.Rear', undefined, '.prices.Rear is missing; must have a price for adult, child'],
    ['prices.Front stalls', {}, '.prices["Front stalls"] is {}; no such category; the show has Front, Rear'],
    ['prices.Rear.senior', 1, '.prices.Rear.senior is 1; no such ticket type; the show has adult, child'],
    [
      'prices.Rear.adult',
      28.5,
      '.prices.Rear.adult is 28.5; must be a whole number of minor units (cents) from 0 to 99999999: 4500 is 45.00',
    ],
    [
      'prices.Rear.adult',
      -1,
      '.prices.Rear.adult is -1; must be a whole number of minor units (cents) from 0 to 99999999: 4500 is 45.00',
    ],
    [
      'prices.Rear.adult',
      100_000_000,
      '.prices.Rear.adult is 100000000; must be a whole number of minor units (cents) from 0 to 99999999: 4500 is 45.00',
    ],
    ['limits.max_holds', 0, '.limits.max_holds is 0; must be a whole number from 1 to 10000'],
    ['limits.hold_second', 30, '.limits.hold_second is no key of the format; did you mean hold_seconds?'],
    [
      'venue',
      'x',
      '.venue is no key of the format; known are $schema, name, starts_at, sale_opens_at, sale_closes_at, currency, ticket_types, categories, prices, limits, single_seats, plan, layout',
    ],
    ['plan', undefined, '.plan is missing; must list the seats, or layout must describe the sections'],
    ['plan.sections', [], '.plan.sections is a list of 0; must be a list of 1 to 500 entries'],
    [
      'plan.sections.0.rows.1.seats.0.id',
      'A 1',
      '.plan.sections[0].rows[1].seats[0].id is "A 1"; must have 1 to 32 characters of A-Z, a-z, 0-9 and -, and not begin with -',
    ],
    [
      'plan.sections.0.rows.1.seats.0.id',
      'A1',
      '.plan.sections[0].rows[1].seats[0].id is "A1"; must be unique in the plan, and .plan.sections[0].rows[0].seats[0].id has it too',
    ],
    [
      'plan.sections.0.rows.0.seats.1.label',
      '1',
      '.plan.sections[0].rows[0].seats[1].label is "1"; must be unique in its row, and .plan.sections[0].rows[0].seats[0].label has it too',
    ],
    [
      'plan.sections.0.rows.1.label',
      'A',
      '.plan.sections[0].rows[1].label is "A"; must be unique in its section, and .plan.sections[0].rows[0].label has it too',
    ],
    [
      'plan.sections.0.rows.0.seats.1.x',
      0,
      '.plan.sections[0].rows[0].seats[1] is "x 0, y 60"; must be the place of one seat only, and .plan.sections[0].rows[0].seats[0] has it too',
    ],
    [
      'plan.sections.0.rows.0.seats.1.x',
      -1,
      '.plan.sections[0].rows[0].seats[1].x is -1; must be a number from 0 to 100000',
    ],
    [
      'plan.sections.0.rows.0.seats.1.flags',
      ['vip'],
      '.plan.sections[0].rows[0].seats[1].flags[0] is "vip"; must be one of accessible, companion, restricted-view',
    ],
    [
      'plan.sections.0.rows.0.seats.1.category',
      'Middle',
      '.plan.sections[0].rows[0].seats[1].category is "Middle"; must be a category of the show: Front, Rear',
    ],
    [
      'plan.sections.0.rows.1.category',
      'Middle',
      '.plan.sections[0].rows[1].category is "Middle"; must be a category of the show: Front, Rear',
    ],
    [
      'layout',
      { sections: [{ name: 'Hall', rows: 1, seats: 1, category: 'Front' }] },
      '.layout is {"sections":[{"name":"Hall","rows":1,"seats":1,"category":"F…; must be left out, because there is a plan',
    ],
  ];
  test.each(wrong)('[R511] %s = %j', (path, value, message) => {
    expect(problemsOf(show())).toEqual([]);
    expect(problemsOf(change(show(), path, value))).toEqual([message]);
  });

  test('[R511] two categories have different names', () => {
    const problems = problemsOf(change(show(), 'categories.1.name', 'Front'));
    expect(problems[0]).toBe('.categories[1].name is "Front"; must be unique');
  });

  const section = '.layout.sections[0]';
  const wrongLayouts: [Json, string][] = [
    [{ seats_step: -2 }, `${section}.seats_step is -2; leaves -2 seats in the last row, must leave one`],
    [{ accessible: ['E6', 'E7'] }, `${section}.accessible[1] is "E7"; no such seat; row E has seats 1 to 6`],
    [{ companion: ['A1-A4'] }, `${section}.companion[0] is "A1-A4"; must be one seat: list each seat of a range`],
    [
      { companion: ['1-1-1-4'], first_row: '1' },
      `${section}.companion[0] is "1-1-1-4"; must be one seat: list each seat of a range`,
    ],
    [{ companion: ['Z9'] }, `${section}.companion[0] is "Z9"; no such seat; the section has rows A to E`],
    [
      { category_from: { F: 'Rear' } },
      `${section}.category_from.F is "Rear"; no such row; the section has rows A to E`,
    ],
    [
      { category_from: { B: 'Middle' } },
      `${section}.category_from.B is "Middle"; must be a category of the show: Front, Rear`,
    ],
    [{ category: 'Middle' }, `${section}.category is "Middle"; must be a category of the show: Front, Rear`],
    [
      { curved: true, distance: 15 },
      `${section}.distance is 15; must be larger, or the first row is longer than a circle around the focal point`,
    ],
    [
      { repeat: { count: 2 }, name: '{n}' },
      `${section}.id_prefix is ""; must contain {n}, because the section is repeated`,
    ],
    [
      { repeat: { count: 2 }, name: '{n}', id_prefix: '{n}-' },
      `${section} makes "x 0, y 60"; must be the place of one seat only, and ${section} has it too`,
    ],
    [
      { rows: 1, seats: 1, id_prefix: '-' },
      `${section} makes "-A1"; must have 1 to 32 characters of A-Z, a-z, 0-9 and -, and not begin with -`,
    ],
    [{ rows: 500, seats: 41 }, '.layout has 20500 seats; must have at most 20000'],
    [
      { rows: 1, seats: 1, name: '{n}', id_prefix: '{n}-', repeat: { count: 501 } },
      `${section}.repeat.count is 501; must be a whole number from 1 to 500`,
    ],
  ];
  test.each(wrongLayouts)('[R511] a layout with %j', (part, message) => {
    expect(problemsOf(layoutShow({}))).toEqual([]);
    expect(problemsOf(layoutShow(part))[0]).toBe(message);
  });

  test('[R511] a prefix separates the ids of two sections of a layout', () => {
    const file = layoutShow({});
    const { sections } = file.layout as { sections: Json[] };
    sections.push({ ...sections[0], name: 'Balcony', distance: 400 });
    expect(problemsOf(file)[0]).toBe(
      '.layout.sections[1] makes "A1"; must be unique in the plan, and .layout.sections[0] has it too',
    );
    sections[1] = { ...sections[1], id_prefix: 'B-' };
    expect(problemsOf(file)).toEqual([]);
  });

  test('[R511] several problems are named at once, but not thousands', () => {
    expect(problemsOf({ ...show(), name: '', currency: 'euro' })).toHaveLength(2);
    const file = show();
    const row = {
      label: 'C',
      category: 'Rear',
      seats: Array.from({ length: 100 }, (_, i) => seat('C1', String(i), 100 + i)),
    };
    (file.plan as { sections: { rows: Json[] }[] }).sections[0]?.rows.push(row);
    const problems = problemsOf(file);
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe('has 79 more problems');
  });

  test.each([
    ['{"name": "a", "name": "b"}', '.name'],
    ['{"prices": {"Rear": {"adult": 1, "child": 2, "adult": 3}}}', '.prices.Rear.adult'],
    ['{"plan": {"sections": [{"a": [{}, {"x,:\\"}": 1, "b": "{", "b": 2}]}]}}', '.plan.sections[0].a[1].b'],
    ['{"a": 1, "\\u0061": 2}', '.a'],
  ])('[R674] a key that is there twice is named: %s', (text, path) => {
    JSON.parse(text);
    expect(() => parseShow('concert', text, 'concert.json')).toThrow(
      `concert.json: ${path} is there more than once; must be there once`,
    );
  });

  test('[R674] keys and values that only look alike are none', () => {
    const once = JSON.stringify({ a: { a: 'a', b: ['a', 'a', { a: ':' }, { a: '"a":' }] }, '"a"': '{"a":1,"a":2}' });
    expect(duplicateKeys(once)).toEqual([]);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(duplicateKeys(JSON.stringify(value))).toEqual([]);
      }),
    );
  });

  const rowOfTwo = (first: Json, second: Json): Json =>
    change(show(), 'plan.sections.0.rows.0.seats', [
      { ...seat('A1', '1', 0), ...first },
      { ...seat('A2', '2', 20), ...second },
    ]);
  const inRow = '.plan.sections[0].rows[0].seats';
  const alone = 'no accessible seat is next to it, so the best seats never include it';
  const inPast = 'the time is over, so nothing can be sold';
  test.each<[string, Json, string[]]>([
    ['nothing odd', show(), []],
    [
      'times in the past',
      {
        ...show(),
        starts_at: '2020-05-18T19:30:00Z',
        sale_opens_at: undefined,
        sale_closes_at: '2020-05-18T19:00:00Z',
      },
      [`.starts_at is "2020-05-18T19:30:00Z"; ${inPast}`, `.sale_closes_at is "2020-05-18T19:00:00Z"; ${inPast}`],
    ],
    ['a companion beside an accessible seat', rowOfTwo({ flags: ['accessible'] }, { flags: ['companion'] }), []],
    [
      'a companion without one',
      rowOfTwo({}, { flags: ['companion'] }),
      [`${inRow}[1] has the companion seat A2; ${alone}`],
    ],
    [
      'a companion across an aisle',
      rowOfTwo({ flags: ['accessible'], aisle_after: true }, { flags: ['companion'] }),
      [`${inRow}[1] has the companion seat A2; ${alone}`],
    ],
    [
      'a seat that is both',
      rowOfTwo({ flags: ['companion', 'accessible'] }, {}),
      [`${inRow}[0] has the companion seat A1; it is accessible too, and counts as accessible`],
    ],
    [
      'a companion of a layout',
      layoutShow({ companion: ['B3'], category_from: { B: 'Rear' } }),
      [`.layout.sections[0] has the companion seat B3; ${alone}`],
    ],
    [
      'two seats in nearly one place',
      change(show(), 'plan.sections.0.rows.1.seats.0', { ...seat('B1', '1', 3), y: 61 }),
      ['.plan.sections[0].rows[1].seats[0] has seat B1 at x 3, y 61; it is drawn on top of seat A1'],
    ],
    ['a category without seats', layoutShow({}), ['.categories[1].name is "Rear"; no seat has this category']],
    [
      'an aisle behind the last seat',
      layoutShow({ aisles_after: [3, 6], category_from: { B: 'Rear' } }),
      ['.layout.sections[0].aisles_after[1] is 6; no aisle is made, because the longest row has 6 seats'],
    ],
  ])('[R675] a warning names the file, the place and the reason: %s', (_, file, expected) => {
    const { warnings } = parseShowFile('concert', JSON.stringify(file), 'concert.json');
    expect(warnings(time('2025-01-01T00:00:00Z'))).toEqual(expected.map((line) => `concert.json: warning: ${line}`));
  });

  test('[R675] the shows that ship have no warning', () => {
    for (const path of showFilesIn('shows'))
      expect(readShowFile(path).warnings(time('2025-01-01T00:00:00Z'))).toEqual([]);
  });

  test('[R511] invalid JSON is named with its line', () => {
    const message = (text: string) => {
      try {
        return parseShow('concert', text, 'concert.json').name;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(message('{\n  "name": "x",\n}')).toMatch(/^concert\.json: is not JSON: .*line 3, column 1/);
    expect(message('')).toMatch(/^concert\.json: is not JSON: /);
    expect(message('[]')).toBe('concert.json: . is a list of 0; must be an object: { … }');
    expect(message('\n> concert-booking@0.1.0 shows\n{}')).toContain('make it with "npm run -s shows"');
  });

  test('[R511] a plan has at most 20,000 seats', () => {
    const file = show();
    const rows = Array.from({ length: 101 }, (_, r) => ({
      label: `R${r}`,
      category: 'Rear',
      seats: Array.from({ length: 200 }, (_, i) => ({ ...seat(`${r}-${i}`, String(i), i), y: r })),
    }));
    expect(problemsOf(change(file, 'plan.sections.0.rows', rows))).toEqual([
      '.plan has 20200 seats; must have at most 20000',
    ]);
    expect(problemsOf(change(file, 'plan.sections.0.rows', rows.slice(1)))).toEqual([]);
  });

  test('[R511] whatever a file contains, it becomes a show or an error that names the file', () => {
    fc.assert(
      fc.property(fc.constantFrom(show(), layoutShow({}), layoutShow(everyKey)).chain(spoilt), (file) => {
        try {
          expect(parsed(file).plan.size).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof ShowFileError)) throw error;
          for (const line of error.message.split('\n')) expect(line).toMatch(/^concert\.json: .+/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('[R512] the published schema is the one that is used, and accepts what the checks accept', () => {
    const published = JSON.parse(readFileSync('shows/show.schema.json', 'utf8'));
    expect(published).toEqual(JSON.parse(showSchemaText()));
    const ajv = new Ajv({ strict: true, strictRequired: false, keywords: ['errorMessage'] });
    const validate = ajv.compile(published);
    for (const file of [show(), layoutShow({})]) expect(validate(file)).toBe(true);
    const { currency: _, ...withoutCurrency } = show();
    const { plan: __, ...withoutPlan } = show();
    for (const file of [withoutCurrency, withoutPlan, { ...show(), layout: layoutShow({}).layout }])
      expect(validate(file)).toBe(false);
  });

  test('[R512] the shows that ship are valid', () => {
    const [arena, chamber] = [readShow('shows/arena.json'), readShow('shows/chamber.json')];
    expect(chamber.plan.size).toBe(120);
    expect(arena.plan.size).toBe(9930);
    expect(arena.plan.categories).toHaveLength(4);
    for (const { plan } of [arena, chamber]) {
      const accessible = [...plan.ids.keys()].filter((index) => plan.has(index, 'accessible'));
      expect(accessible.length).toBeGreaterThan(0);
      for (const index of accessible) {
        const hasCompanion = [index - 1, index + 1].some(
          (next) => next >= 0 && next < plan.size && plan.has(next, 'companion'),
        );
        expect(hasCompanion, plan.describe(index)).toBe(true);
      }
    }
  });

  test('[R513] a sale is upcoming, then open, then closed', () => {
    const states = ['2029-12-31T00:00:00Z', '2030-01-01T10:00:00Z', '2030-05-18T11:59:59Z', '2030-05-18T12:00:00Z'];
    expect(states.map((text) => saleState(parsed(show()), time(text)))).toEqual(['upcoming', 'open', 'open', 'closed']);
    expect(saleState(defaultShow(), time('2999-01-01T00:00:00Z'))).toBe('open');
  });
});
