import type { PlanSource } from './plan-problems.ts';
import { type Path, type Problem, problem } from './problem.ts';
import type { SeatingPlan } from './seating-plan.ts';
import type { Show } from './show.ts';
import type { ShowFile } from './show-file.ts';

/** Seats that stand nearer to each other than this part of the usual distance are drawn on top of each other. */
const overlapPitches = 0.5;

interface CheckedShow {
  file: ShowFile;
  show: Show;
  source: PlanSource;
  /** Unix milliseconds. */
  nowMs: number;
}

/** Finds values that a show file may have, but that are probably a mistake. */
export function showWarnings({ file, show, source, nowMs }: CheckedShow): Problem[] {
  const { plan } = show;
  return [
    ...pastTimes(file, nowMs),
    ...unusedCategories(file, plan),
    ...uselessAisles(file),
    ...oddFlags(plan, source),
    ...overlaps(plan, source),
  ];
}

function pastTimes(file: ShowFile, nowMs: number): Problem[] {
  const keys = ['starts_at', 'sale_closes_at'] as const;
  return keys
    .filter((key) => Date.parse(file[key] ?? '') <= nowMs)
    .map((key) => problem([key], file[key], 'the time is over, so nothing can be sold'));
}

function unusedCategories({ categories }: ShowFile, plan: SeatingPlan): Problem[] {
  return categories.flatMap(({ name }, i) =>
    plan.categories.includes(name) ? [] : [problem(['categories', i, 'name'], name, 'no seat has this category')],
  );
}

function uselessAisles({ layout }: ShowFile): Problem[] {
  return (layout?.sections ?? []).flatMap((section, s) => {
    const { rows, seats, seats_step: step = 0, aisles_after: aisles = [] } = section;
    const longest = Math.max(seats, seats + step * (rows - 1));
    return aisles.flatMap((after, i) => {
      const must = `no aisle is made, because the longest row has ${longest} seats`;
      return after < longest ? [] : [problem(['layout', 'sections', s, 'aisles_after', i], after, must)];
    });
  });
}

function oddFlags(plan: SeatingPlan, source: PlanSource): Problem[] {
  const isAccessible = (index: number) => index >= 0 && index < plan.size && plan.has(index, 'accessible');
  return [...plan.ids.keys()]
    .filter((index) => plan.has(index, 'companion'))
    .flatMap((index) => {
      const at = pathOf(plan, index, source);
      const found = `has the companion seat ${plan.id(index)}`;
      if (isAccessible(index)) return [{ at, found, must: 'it is accessible too, and counts as accessible' }];
      const isLeft = index > 0 && plan.hasRightNeighbour(index - 1) && isAccessible(index - 1);
      const isRight = plan.hasRightNeighbour(index) && isAccessible(index + 1);
      if (isLeft || isRight) return [];
      return [{ at, found, must: 'no accessible seat is next to it, so the best seats never include it' }];
    });
}

function overlaps(plan: SeatingPlan, source: PlanSource): Problem[] {
  const widest = Math.max(...plan.sections.map(({ pitch }) => pitch)) * overlapPitches;
  if (widest === 0) return [];
  const cells = new Map<string, number[]>();
  const cellOf = (value: number) => Math.floor(value / widest);
  return [...plan.ids.keys()].flatMap((index) => {
    const [x, y] = [plan.x(index), plan.y(index)];
    const pitch = plan.sections[plan.sectionOf(index)]?.pitch ?? 0;
    const around = [-1, 0, 1].flatMap((dx) =>
      [-1, 0, 1].flatMap((dy) => cells.get(`${cellOf(x) + dx} ${cellOf(y) + dy}`) ?? []),
    );
    const cell = `${cellOf(x)} ${cellOf(y)}`;
    cells.set(cell, [...(cells.get(cell) ?? []), index]);
    const under = around.find((other) => Math.hypot(plan.x(other) - x, plan.y(other) - y) < overlapPitches * pitch);
    if (under === undefined) return [];
    const found = `has seat ${plan.id(index)} at x ${x}, y ${y}`;
    return [{ at: pathOf(plan, index, source), found, must: `it is drawn on top of seat ${plan.id(under)}` }];
  });
}

function pathOf(plan: SeatingPlan, index: number, source: PlanSource): Path {
  const row = plan.rowOf(index);
  const section = plan.sectionOf(index);
  const firstRow = plan.rows.findIndex((each) => each.section === section);
  return source.pathOf(section, 'rows', row - firstRow, 'seats', plan.colOf(index));
}
