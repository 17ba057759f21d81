/** A bound on a figure of the report: `p99Ms<20`. */
export interface Threshold {
  text: string;
  figure: string;
  holds: (value: number) => boolean;
}

const comparisons = {
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
};

/** `p50`, `p90`, `p99`, `p999` and `max` may be written without their unit. Throws if the text is not a threshold. */
export function parseThreshold(text: string): Threshold {
  const found = /^\s*(\w+)\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text);
  if (!found)
    throw new ThresholdError(`"${text}" is not a threshold: write a figure, a comparison and a number, as in "p99<20"`);
  const [, name = '', comparison, bound] = found;
  const figure = /^(p\d+|max|mean)$/.test(name) ? `${name}Ms` : name;
  const compare = comparisons[comparison as keyof typeof comparisons];
  return { text: text.trim(), figure, holds: (value) => compare(value, Number(bound)) };
}

export interface CheckedThreshold {
  text: string;
  figure: string;
  value: number;
  isMet: boolean;
}

/** Throws if a threshold names a figure that does not exist: it must not count as met. */
export function checkThresholds(thresholds: readonly Threshold[], figures: Record<string, number>): CheckedThreshold[] {
  return thresholds.map(({ text, figure, holds }) => {
    const value = figures[figure];
    if (value === undefined) {
      throw new ThresholdError(`There is no figure ${figure}; there are ${Object.keys(figures).join(', ')}`);
    }
    return { text, figure, value, isMet: holds(value) };
  });
}

export class ThresholdError extends Error {
  override name = 'ThresholdError';
}
