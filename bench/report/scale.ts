/** Maps a value to [0, 1], and places the marks of an axis. */
export interface Scale {
  place: (value: number) => number;
  ticks: { value: number; label: string }[];
}

export function linearScale(least: number, most: number, wantedTicks = 5): Scale {
  const span = most > least ? most - least : 1;
  const step = niceStep(span / wantedTicks);
  const [from, to] = [
    Math.floor(least / step) * step,
    Math.max(Math.ceil(most / step), Math.floor(least / step) + 1) * step,
  ];
  const count = Math.round((to - from) / step);
  const ticks = Array.from({ length: count + 1 }, (_, i) => from + i * step);
  return {
    place: (value) => (value - from) / (to - from),
    ticks: ticks.map((value) => ({ value, label: shortNumber(value) })),
  };
}

/** Over whole decades. Values that are not positive are at the lower end. */
export function logScale(least: number, most: number): Scale {
  const from = Math.floor(Math.log10(least > 0 ? least : 0.001));
  const to = Math.max(Math.ceil(Math.log10(most > 0 ? most : 1)), from + 1);
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return {
    place: (value) => Math.max(0, (Math.log10(Math.max(value, 1e-12)) - from) / (to - from)),
    ticks: ticks.map((value) => ({ value, label: shortNumber(value) })),
  };
}

/** 0, 90, 99, 99.9 … are equally far apart. */
export function percentileScale(most: number): Scale {
  const nines = (percentile: number) => -Math.log10(1 - Math.min(percentile, 99.99999) / 100);
  const end = Math.max(2, nines(most));
  const ticks = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter((tick) => nines(tick) <= end + 0.01);
  return {
    place: (value) => nines(value) / end,
    ticks: ticks.map((value) => ({ value, label: `${value} %` })),
  };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

/** 1,200 → 1.2 k; 0.30000000000000004 → 0.3. */
function shortNumber(value: number): string {
  const [divisor, unit] = Math.abs(value) >= 1e6 ? [1e6, ' M'] : Math.abs(value) >= 1e3 ? [1e3, ' k'] : [1, ''];
  return `${Number((value / divisor).toPrecision(4))}${unit}`;
}
