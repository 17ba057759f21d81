/** When requests are due: at equal distances, or as independent users arrive. */
export type ArrivalPattern = 'even' | 'poisson';

/** Ascending times in ms since the start, without end. */
export function* arrivals(
  ratePerSecond: number,
  pattern: ArrivalPattern,
  random: () => number = Math.random,
): Generator<number, never> {
  const meanGapMs = 1000 / ratePerSecond;
  for (let atMs = 0, index = 0; ; index++) {
    atMs = pattern === 'even' ? index * meanGapMs : atMs - Math.log(1 - random()) * meanGapMs;
    yield atMs;
  }
}
