const itemsPerPoint = 100;

/** The cost of this number of seats or events in a reply, in points of the rate limits. A command costs 1 point, about 0.2 ms. */
export const pointsOf = (items: number): number => Math.ceil(items / itemsPerPoint);
