const itemsPerPoint = 100;

/** The cost of this number of seats or events in a reply, in points of the rate limits. A command costs 1 point, about 0.2 ms. */
export const pointsOf = (items: number): number => Math.ceil(items / itemsPerPoint);

/** Of a seating plan, which is written and compressed once: only its bytes cost. */
export const planPoints = (seats: number): number => Math.ceil(seats / 2_000);
