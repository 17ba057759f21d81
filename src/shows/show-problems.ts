import type { PlanDocument } from './plan-document.ts';
import { type Path, type Problem, problem } from './problem.ts';
import type { ShowFile } from './show-file.ts';

const currencies = new Set(Intl.supportedValuesOf('currency'));

/** The problems of a show that its schema does not find, without those of its plan. */
export function showProblems(file: ShowFile): Problem[] {
  return [...timeProblems(file), ...planChoice(file), ...duplicates(file), ...pricingProblems(file)];
}

/** Seats whose category the show does not have: the first of each such category. */
export function categoryProblems({ categories }: ShowFile, { sections }: PlanDocument): Problem[] {
  const known = new Set(categories.map(({ name }) => name));
  const problems: Problem[] = [];
  const check = (name: string | undefined, path: Path) => {
    if (name === undefined || known.has(name)) return;
    known.add(name); // reported once
    problems.push(problem(path, name, `must be a category of the show: ${listed(categories)}`));
  };
  for (const [s, { rows }] of sections.entries()) {
    for (const [r, row] of rows.entries()) {
      const inRow: Path = ['plan', 'sections', s, 'rows', r];
      check(row.category, [...inRow, 'category']);
      for (const [i, { category }] of row.seats.entries()) check(category, [...inRow, 'seats', i, 'category']);
    }
  }
  return problems;
}

/** Categories that the sections of a layout name, but the show does not have. */
export function layoutCategoryProblems({ categories, layout }: ShowFile): Problem[] {
  const known = new Set(categories.map(({ name }) => name));
  const must = `must be a category of the show: ${listed(categories)}`;
  return (layout?.sections ?? []).flatMap(({ category, category_from: from = {} }, i) => {
    const at: Path = ['layout', 'sections', i];
    const named: [Path, string][] = [
      [[...at, 'category'], category],
      ...Object.entries(from).map(([row, value]): [Path, string] => [[...at, 'category_from', row], value]),
    ];
    return named.filter(([, value]) => !known.has(value)).map(([path, value]) => problem(path, value, must));
  });
}

const listed = (categories: ShowFile['categories']): string => categories.map(({ name }) => name).join(', ');

function timeProblems(file: ShowFile): Problem[] {
  const { starts_at: starts, sale_opens_at: opens, sale_closes_at: closes } = file;
  const keys = ['starts_at', 'sale_opens_at', 'sale_closes_at'] as const;
  const invalid = keys.filter((key) => file[key] !== undefined && !isTime(file[key]));
  if (invalid.length > 0) {
    return invalid.map((key) => problem([key], file[key], 'must be a date and a time that exist'));
  }
  const problems: Problem[] = [];
  if (opens !== undefined && Date.parse(starts) < Date.parse(opens)) {
    problems.push(problem(['starts_at'], starts, `must not be before the sale opens, .sale_opens_at ${opens}`));
  }
  if (opens !== undefined && closes !== undefined && Date.parse(closes) <= Date.parse(opens)) {
    problems.push(problem(['sale_closes_at'], closes, `must be after the sale opens, .sale_opens_at ${opens}`));
  }
  return problems;
}

/** `Date.parse` takes February 31 as March 3. */
function isTime(text: string): boolean {
  const date = text.slice(0, 10);
  const atMidnight = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(Date.parse(text)) && atMidnight.toISOString().startsWith(date);
}

function planChoice({ plan, layout }: ShowFile): Problem[] {
  if (plan && layout) return [problem(['layout'], layout, 'must be left out, because there is a plan')];
  if (plan || layout) return [];
  return [problem(['plan'], undefined, 'must list the seats, or layout must describe the sections')];
}

function duplicates({ categories, ticket_types: types = [] }: ShowFile): Problem[] {
  const repeated = (names: readonly string[], pathOf: (i: number) => Path): Problem[] =>
    names.flatMap((name, i) => (names.indexOf(name) < i ? [problem(pathOf(i), name, 'must be unique')] : []));
  return [
    ...repeated(
      categories.map(({ name }) => name),
      (i) => ['categories', i, 'name'],
    ),
    ...repeated(types, (i) => ['ticket_types', i]),
  ];
}

function pricingProblems(file: ShowFile): Problem[] {
  const { currency, ticket_types: types, prices } = file;
  const keys = ['currency', 'ticket_types', 'prices'] as const;
  const missing = keys.filter((key) => file[key] === undefined);
  if (missing.length === keys.length) return [];
  const together = 'currency, ticket_types and prices must be given together, or all be left out for a free show';
  const problems = missing.map((key) => problem([key], undefined, together));
  if (currency !== undefined && !currencies.has(currency)) {
    problems.push(problem(['currency'], currency, 'must be a currency of ISO 4217, such as "EUR"'));
  }
  if (types && prices) problems.push(...priceProblems(file, types, prices));
  return problems;
}

type Prices = NonNullable<ShowFile['prices']>;

function priceProblems({ categories }: ShowFile, types: readonly string[], prices: Prices): Problem[] {
  const names = categories.map(({ name }) => name);
  const missing = names.flatMap((category): Problem[] => {
    const own = Object.hasOwn(prices, category) ? (prices[category] ?? {}) : undefined;
    if (!own) return [problem(['prices', category], undefined, `must have a price for ${types.join(', ')}`)];
    return types
      .filter((type) => !Object.hasOwn(own, type))
      .map((type) => problem(['prices', category, type], undefined, 'must be the price in minor units (cents)'));
  });
  const unknown = Object.entries(prices).flatMap(([category, own]): Problem[] => {
    if (!names.includes(category)) {
      return [problem(['prices', category], own, `no such category; the show has ${names.join(', ')}`)];
    }
    return Object.keys(own)
      .filter((type) => !types.includes(type))
      .map((type) => {
        return problem(['prices', category, type], own[type], `no such ticket type; the show has ${types.join(', ')}`);
      });
  });
  return [...missing, ...unknown];
}
