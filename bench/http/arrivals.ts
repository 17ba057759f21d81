/** When requests are due: `even`, or as users come who know nothing of each other. */
export type ArrivalPattern = 'even' | 'poisson';

/** Times in ms from the start, without end and never going back. */
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
