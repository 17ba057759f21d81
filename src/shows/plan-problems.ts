import { maxSeats, type PlanDocument, type PlanRow } from './plan-document.ts';
import { jqPath, type Path, type Problem } from './problem.ts';

/** The form of the plan in a file: a list of seats, or a layout from which they are generated. */
export interface PlanSource {
  /** Path in the file of something in a section of the plan. */
  pathOf(section: number, ...rest: Path): Path;
  verb: 'is' | 'makes';
}

export const inlinePlan: PlanSource = {
  pathOf: (section, ...rest) => ['plan', 'sections', section, ...rest],
  verb: 'is',
};

/** The problems of a plan that its schema does not find. */
export function planProblems({ sections }: PlanDocument, source: PlanSource): Problem[] {
  const firsts = { ids: new Firsts(source), places: new Firsts(source), names: new Firsts(source) };
  return sections.flatMap(({ name, rows }, section) => {
    const rowLabels = new Firsts(source);
    return [
      ...firsts.names.repeated(name, source.pathOf(section, 'name'), 'must be unique in the plan'),
      ...rows.flatMap((row, r): Problem[] => [
        ...rowLabels.repeated(row.label, source.pathOf(section, 'rows', r, 'label'), 'must be unique in its section'),
        ...seatProblems(row, (...rest) => source.pathOf(section, 'rows', r, 'seats', ...rest), firsts, source),
      ]),
    ];
  });
}

export const tooManySeats = (seats: number, at: Path): Problem => ({
  at,
  found: `has ${seats} seats`,
  must: `must have at most ${maxSeats}`,
});

function seatProblems(
  { seats }: PlanRow,
  pathOf: (...rest: Path) => Path,
  { ids, places }: { ids: Firsts; places: Firsts },
  source: PlanSource,
): Problem[] {
  const labels = new Firsts(source);
  return seats.flatMap(({ id, label, x, y }, i): Problem[] => [
    ...ids.repeated(id, pathOf(i, 'id'), 'must be unique in the plan'),
    ...labels.repeated(label, pathOf(i, 'label'), 'must be unique in its row'),
    ...places.repeated(`x ${x}, y ${y}`, pathOf(i), 'must be the place of one seat only'),
  ]);
}

/** The first place of each value. */
class Firsts {
  readonly #first = new Map<string, Path>();
  readonly #source: PlanSource;

  constructor(source: PlanSource) {
    this.#source = source;
  }

  repeated(value: string, at: Path, must: string): Problem[] {
    const first = this.#first.get(value);
    if (!first) this.#first.set(value, at);
    if (!first) return [];
    const found = `${this.#source.verb} ${JSON.stringify(value)}`;
    return [{ at, found, must: `${must}, and ${jqPath(first)} has it too` }];
  }
}
