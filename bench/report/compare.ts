import type { Report } from './report.ts';

export interface ComparedFigure {
  name: string;
  base: number | undefined;
  now: number | undefined;
  /** now / base; undefined if one of them is missing or base is 0. */
  ratio: number | undefined;
  /** Undefined: neither direction is better, or one of the runs lacks the figure. */
  mark: 'better' | 'worse' | 'same' | undefined;
}

type Better = 'higher' | 'lower' | 'neither';

/** Figures that grow with the length of a run: they are compared per second. */
const totals: Record<string, Better> = {
  answers: 'higher',
  refused: 'neither',
  errors: 'lower',
  expired: 'neither',
  events: 'neither',
  delivered: 'higher',
  missed: 'lower',
  repeated: 'lower',
  outOfOrder: 'lower',
  resyncs: 'lower',
  receivedBytes: 'lower',
  skipped: 'lower',
  slowClients: 'lower',
  closedByEdge: 'lower',
  replacedBySnapshot: 'neither',
  mostGrownRssBytes: 'lower',
  waves: 'higher',
  users: 'higher',
};

/** Runs of the same code differ by about this much. */
const noise = 0.05;

/** The figures of two runs side by side, in the order of this one. Totals become rates: runs differ in length. */
export function comparedFigures(report: Report, base: Report): ComparedFigure[] {
  const names = new Set([...Object.keys(report.figures), ...Object.keys(base.figures)]);
  // The rate of answers is a figure already.
  if (names.has('perSecond')) names.delete('answers');
  return [...names].map((name) => {
    const isTotal = name in totals;
    const [before, now] = [comparedValue(base, name, isTotal), comparedValue(report, name, isTotal)];
    const isComparable = before !== undefined && now !== undefined;
    return {
      name: isTotal ? perSecondName(name) : name,
      base: before,
      now,
      ratio: isComparable && before !== 0 ? now / before : undefined,
      mark: isComparable ? markOf(before, now, betterOf(name)) : undefined,
    };
  });
}

function comparedValue({ figures, elapsedS }: Report, name: string, isTotal: boolean): number | undefined {
  const value = figures[name];
  return isTotal && value !== undefined ? value / elapsedS : value;
}

function perSecondName(name: string): string {
  return name.endsWith('Bytes') ? `${name.slice(0, -'Bytes'.length)}PerSecondBytes` : `${name}PerSecond`;
}

function betterOf(name: string): Better {
  const known = totals[name];
  if (known) return known;
  if (/(perSecond|Percent)$/i.test(name)) return 'higher';
  return /(Ms|Us|UsPer\w+)$/.test(name) ? 'lower' : 'neither';
}

function markOf(before: number, now: number, better: Better): ComparedFigure['mark'] {
  if (better === 'neither') return undefined;
  if (Math.abs(now - before) <= noise * Math.abs(before)) return 'same';
  return now > before === (better === 'higher') ? 'better' : 'worse';
}
