import type { Report } from './report.ts';

export interface ComparedFigure {
  name: string;
  base: number | undefined;
  now: number | undefined;
  /** now / base; undefined where it has no meaning. */
  ratio: number | undefined;
}

/** The figures of two runs side by side, in the order of this one. */
export function comparedFigures(report: Report, base: Report): ComparedFigure[] {
  const names = new Set([...Object.keys(report.figures), ...Object.keys(base.figures)]);
  return [...names].map((name) => {
    const [before, now] = [base.figures[name], report.figures[name]];
    return { name, base: before, now, ratio: before && now !== undefined ? now / before : undefined };
  });
}
