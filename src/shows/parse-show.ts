import { Compile } from 'typebox/compile';
import { generatePlan } from './generate-plan.ts';
import { completeLayout, type Layout } from './layout.ts';
import { generatedPlan, layoutProblems } from './layout-problems.ts';
import { utcOffsetsOf } from './local-time.ts';
import { parseJson } from './parse-json.ts';
import { maxSeats, PlanDocument } from './plan-document.ts';
import { inlinePlan, type PlanSource, planProblems, tooManySeats } from './plan-problems.ts';
import { type Problem, problemLine } from './problem.ts';
import { schemaProblems } from './schema-problems.ts';
import { SeatingPlan } from './seating-plan.ts';
import type { Pricing, Show } from './show.ts';
import { ShowFile } from './show-file.ts';
import { ShowFileError } from './show-file-error.ts';
import { categoryProblems, layoutCategoryProblems, showProblems } from './show-problems.ts';
import { showWarnings } from './show-warnings.ts';

const maxProblems = 20;
const showFile = Compile(ShowFile);
const planDocument = Compile(PlanDocument);

export interface ParsedShow {
  show: Show;
  /** Lines about values that are allowed, but probably a mistake. */
  warnings: (nowMs: number) => string[];
}

/** The show with this id in the text of a file. `file` is its name in messages. Throws a `ShowFileError`. */
export const parseShow = (id: string, text: string, file: string): Show => parseShowFile(id, text, file).show;

/** As `parseShow`. */
export function parseShowFile(id: string, text: string, file: string): ParsedShow {
  const content = parseJson(text, file);
  if (!showFile.Check(content)) throw refusal(file, schemaProblems(showFile, content));
  refuse(file, showProblems(content));
  const { layout, plan: listed } = content;
  const { document, source } = layout
    ? generated(content, layout, file)
    : inline(content, listed as PlanDocument, file);
  const show = showOf(id, content, new SeatingPlan(document));
  return {
    show,
    warnings: (nowMs) => lines(showWarnings({ file: content, show, source, nowMs }), `${file}: warning`, 'warnings'),
  };
}

interface SourcedPlan {
  document: PlanDocument;
  source: PlanSource;
}

function inline(content: ShowFile, document: PlanDocument, file: string): SourcedPlan {
  const seats = document.sections.reduce(
    (sum, { rows }) => rows.reduce((count, row) => count + row.seats.length, sum),
    0,
  );
  if (seats > maxSeats) refuse(file, [tooManySeats(seats, ['plan'])]);
  refuse(file, [...planProblems(document, inlinePlan), ...categoryProblems(content, document)]);
  return { document, source: inlinePlan };
}

function generated(content: ShowFile, written: Layout, file: string): SourcedPlan {
  const layout = completeLayout(written);
  refuse(file, [...layoutProblems(layout, ['layout']), ...layoutCategoryProblems(content)]);
  const plan = generatePlan(layout);
  const source = generatedPlan(layout);
  // Prefixes may make ids too long, and sections may stand too far away.
  if (!planDocument.Check(plan)) {
    const problems = schemaProblems(planDocument, plan);
    refuse(
      file,
      problems.map(({ at, found, must }) => {
        return { at: source.pathOf(Number(at[1])), found: found.replace('is', source.verb), must };
      }),
    );
  }
  refuse(file, planProblems(plan, source));
  return { document: plan, source };
}

function refuse(file: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw refusal(file, problems);
}

const refusal = (file: string, problems: readonly Problem[]): ShowFileError =>
  new ShowFileError(lines(problems, file, 'problems').join('\n'));

/** One for each problem, but not thousands. `what`: what the others are called. */
function lines(problems: readonly Problem[], start: string, what: string): string[] {
  const all = [...new Set(problems.map((problem) => problemLine(start, problem)))];
  const more = all.length > maxProblems ? [`${start}: has ${all.length - maxProblems} more ${what}`] : [];
  return [...all.slice(0, maxProblems), ...more];
}

function showOf(id: string, file: ShowFile, plan: SeatingPlan): Show {
  const startsAtMs = Date.parse(file.starts_at);
  const { max_holds: maxHolds, hold_seconds: holdSeconds } = file.limits ?? {};
  return {
    id,
    name: file.name,
    startsAtMs,
    saleOpensAtMs: file.sale_opens_at === undefined ? undefined : Date.parse(file.sale_opens_at),
    saleClosesAtMs: file.sale_closes_at === undefined ? startsAtMs : Date.parse(file.sale_closes_at),
    utcOffsets: utcOffsetsOf({ sale_closes_at: file.starts_at, ...file }),
    categories: file.categories,
    pricing: pricingOf(file),
    maxHolds,
    holdTtlMs: holdSeconds === undefined ? undefined : holdSeconds * 1000,
    singleSeats: file.single_seats ?? 'warn',
    plan,
  };
}

function pricingOf({ currency, ticket_types: ticketTypes, prices }: ShowFile): Pricing | undefined {
  if (currency === undefined || !ticketTypes || !prices) return undefined;
  const byCategory = Object.entries(prices).map(([category, own]) => [category, new Map(Object.entries(own))] as const);
  return { currency, ticketTypes, prices: new Map(byCategory) };
}
