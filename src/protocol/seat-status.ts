/** What a seat can be, as it travels on the wire and lies in Redis. */
export const SeatStatus = { available: 0, held: 1, booked: 2 } as const;
export type SeatStatus = (typeof SeatStatus)[keyof typeof SeatStatus];
