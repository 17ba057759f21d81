/** The status of a seat, as sent on the wire and stored in Redis. */
export const SeatStatus = { available: 0, held: 1, booked: 2 } as const;
export type SeatStatus = (typeof SeatStatus)[keyof typeof SeatStatus];
