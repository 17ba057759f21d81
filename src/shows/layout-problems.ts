import { joined, labelOfRow, seatCount, seatsInRow } from './generate-plan.ts';
import type { CompleteLayout, LayoutSection } from './layout.ts';
import { maxSeats, maxSections } from './plan-document.ts';
import { type PlanSource, tooManySeats } from './plan-problems.ts';
import { type Path, type Problem, problem } from './problem.ts';

const maxTurn = 2 * Math.PI;
/** In `A1-A4`, `A1..A4`; the hyphen in `1-12` stands between a row and a seat. */
const rangeSign = /\s*(?:(?<=[A-Z]\d+|-\d+)-|–|\.\.|:| to )\s*/;

/** The problems of a layout that its schema does not find, before a plan is generated from it. `at`: path of the layout in the file. */
export function layoutProblems(layout: CompleteLayout, at: Path): Problem[] {
  const sizes = sizeProblems(layout, at);
  if (sizes.length > 0) return sizes; // before any object is created per seat
  return layout.sections.flatMap((section, i) => sectionProblems(section, layout, [...at, 'sections', i]));
}

function sizeProblems(layout: CompleteLayout, at: Path): Problem[] {
  const shrunk = layout.sections.flatMap((section, i): Problem[] => {
    const last = seatsInRow(section, section.rows - 1);
    const must = `leaves ${last} seats in the last row, must leave one`;
    return last < 1 ? [problem([...at, 'sections', i, 'seats_step'], section.seats_step, must)] : [];
  });
  if (shrunk.length > 0) return shrunk;
  const sections = layout.sections.reduce((sum, { repeat }) => sum + (repeat?.count ?? 1), 0);
  if (sections > maxSections) {
    return [{ at, found: `has ${sections} sections`, must: `must have at most ${maxSections}` }];
  }
  const seats = seatCount(layout);
  return seats > maxSeats ? [tooManySeats(seats, at)] : [];
}

/** The plan that the layout makes: what it repeats is reported for the section of the layout. */
export function generatedPlan({ sections }: CompleteLayout): PlanSource {
  const origins = sections.flatMap(({ repeat }, i) => Array.from({ length: repeat?.count ?? 1 }, () => i));
  return { pathOf: (section) => ['layout', 'sections', origins[section] ?? 0], verb: 'makes' };
}

function sectionProblems(section: LayoutSection, layout: CompleteLayout, at: Path): Problem[] {
  const { name, id_prefix: prefix, repeat } = section;
  const problems: Problem[] = [];
  if (repeat && !(name.includes('{n}') && prefix.includes('{n}'))) {
    const missing = name.includes('{n}') ? 'id_prefix' : 'name';
    problems.push(problem([...at, missing], section[missing], 'must contain {n}, because the section is repeated'));
  }
  problems.push(...unknownRows(section, at), ...unknownSeats(section, at));
  if (section.curved && isBeyondItsCircle(section, layout.seat_pitch)) {
    const must = 'must be larger, or the first row is longer than a circle around the focal point';
    problems.push(problem([...at, 'distance'], section.distance, must));
  }
  return problems;
}

function unknownRows(section: LayoutSection, at: Path): Problem[] {
  const labels = new Set(Array.from({ length: section.rows }, (_, row) => labelOfRow(section, row)));
  return Object.entries(section.category_from)
    .filter(([label]) => !labels.has(label))
    .map(([label, category]) =>
      problem([...at, 'category_from', label], category, `no such row; ${rowsText(section)}`),
    );
}

function unknownSeats(section: LayoutSection, at: Path): Problem[] {
  const seats = new Set<string>();
  /** By row: the seats that it has. */
  const texts = new Map<string, string>();
  for (let row = 0; row < section.rows; row++) {
    const label = labelOfRow(section, row);
    const last = section.first_seat + seatsInRow(section, row) - 1;
    for (let seat = section.first_seat; seat <= last; seat++) seats.add(joined(label, String(seat)));
    texts.set(label, `row ${label} has seats ${section.first_seat} to ${last}`);
  }
  const mustOf = (seat: string): string => {
    if (seats.has(seat.split(rangeSign)[0] ?? '')) return 'must be one seat: list each seat of a range';
    const row = /^([A-Z]+|[0-9]+(?=-))/.exec(seat)?.[0];
    return `no such seat; ${texts.get(row ?? '') ?? rowsText(section)}`;
  };
  return (['accessible', 'companion', 'restricted_view'] as const).flatMap((list) =>
    section[list].flatMap((seat, i) => (seats.has(seat) ? [] : [problem([...at, list, i], seat, mustOf(seat))])),
  );
}

function rowsText(section: LayoutSection): string {
  return `the section has rows ${labelOfRow(section, 0)} to ${labelOfRow(section, section.rows - 1)}`;
}

function isBeyondItsCircle(section: LayoutSection, seatPitch: number): boolean {
  const width = (section.seats + section.aisles_after.length) * seatPitch;
  return width > maxTurn * section.distance;
}
