import type { PlanDocument, PlanRow, PlanSeat, PlanSection, Point } from '../plan-document.ts';
import type { Category } from '../show-file.ts';
import { focalPointOf } from './focal-point.ts';
import { cleanName, UniqueNames, UniqueSeatIds } from './names.ts';
import type { PretixPlan, PretixRow, PretixZone } from './pretix-plan.ts';

/** For categories without a colour that the format takes. */
const colours = ['#2874a6', '#b03a2e', '#1e8449', '#b9770e', '#6c3483', '#117864'];
const maxNameLength = 64;
const maxLabelLength = 16;

interface ImportedPlan {
  name: string;
  categories: Category[];
  plan: PlanDocument;
  /** Number of ids that had to change, because ids have fewer characters here. */
  changedIds: number;
}

/** The plan of pretix as one of ours: positions become absolute, names and ids clean and unique. */
export function fromPretix(pretix: PretixPlan): ImportedPlan {
  const ids = new UniqueSeatIds();
  const sectionNames = new UniqueNames(maxNameLength);
  const sections = pretix.zones.flatMap((zone, i): PlanSection[] => {
    const rows = rowsOf(zone, ids);
    return rows.length === 0 ? [] : [{ name: sectionNames.unique(zone.name ?? '', `Section ${i + 1}`), rows }];
  });
  return {
    name: cleanName(pretix.name, 'Seating plan', maxNameLength),
    categories: categoriesOf(pretix, sections),
    plan: withoutNegatives({ focal_point: focalPointOf(pretix, sections), sections }),
    changedIds: ids.changed,
  };
}

/** Where an aisle splits a row, some plans have a row for each part, with the same number: they become one. */
function rowsOf(zone: PretixZone, ids: UniqueSeatIds): PlanRow[] {
  const rows = new Map<string, PlanRow>();
  const labels = new UniqueNames(maxLabelLength);
  for (const [i, row] of zone.rows.entries()) {
    const seats = seatsOf(row, zone, ids);
    if (!seats[0]) continue;
    const number = cleanName(row.row_number, String(i + 1), maxLabelLength);
    const known = rows.get(number);
    if (known && haveDifferentLabels(known.seats, seats)) {
      known.seats = inLine([...known.seats, ...seats]);
    } else {
      const label = labels.unique(number, number);
      rows.set(label, { label, category: seats[0].category, seats });
    }
  }
  return [...rows.values()];
}

function seatsOf({ position: rowAt = { x: 0, y: 0 }, seats }: PretixRow, zone: PretixZone, ids: UniqueSeatIds) {
  const labels = new UniqueNames(maxLabelLength);
  return seats.map((seat, i): PlanSeat & { category: string } => ({
    id: ids.unique(seat.seat_guid),
    label: labels.unique(seat.seat_number, String(i + 1)),
    x: zone.position.x + rowAt.x + seat.position.x,
    y: zone.position.y + rowAt.y + seat.position.y,
    category: categoryName(seat.category),
  }));
}

function haveDifferentLabels(some: readonly PlanSeat[], others: readonly PlanSeat[]): boolean {
  const labels = new Set(some.map(({ label }) => label));
  return others.every(({ label }) => !labels.has(label));
}

/** In the order in which they stand, along the longer side of the row. */
function inLine(seats: readonly PlanSeat[]): PlanSeat[] {
  const extent = (of: 'x' | 'y') => {
    const values = seats.map((seat) => seat[of]);
    return Math.max(...values) - Math.min(...values);
  };
  const along = extent('x') >= extent('y') ? 'x' : 'y';
  return seats.toSorted((a, b) => a[along] - b[along]);
}

const categoryName = (name: string): string => cleanName(name, 'Standard', maxNameLength);

/** Those of the plan, and those that only seats name. */
function categoriesOf({ categories }: PretixPlan, sections: readonly PlanSection[]): Category[] {
  const colourOf = new Map<string, string | undefined>();
  for (const { name, color } of categories) colourOf.set(categoryName(name), color);
  for (const { rows } of sections) {
    for (const { seats } of rows) {
      for (const { category = '' } of seats) if (!colourOf.has(category)) colourOf.set(category, undefined);
    }
  }
  return [...colourOf].map(([name, color = ''], i) => ({
    name,
    colour: /^#[0-9a-f]{6}$/i.test(color) ? color : (colours[i % colours.length] as string),
  }));
}

function withoutNegatives({ focal_point: focalPoint, sections }: PlanDocument): PlanDocument {
  const points: Point[] = [focalPoint, ...sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats))];
  const left = points.reduce((least, { x }) => Math.min(least, x), 0);
  const top = points.reduce((least, { y }) => Math.min(least, y), 0);
  for (const point of points) {
    point.x -= left;
    point.y -= top;
  }
  return { focal_point: focalPoint, sections };
}
