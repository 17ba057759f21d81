const itemsPerPoint = 100;

/** What so many seats or events in a reply cost, in points of the limits. A command costs 1, some 0.2 ms. */
export const pointsOf = (items: number): number => Math.ceil(items / itemsPerPoint);
