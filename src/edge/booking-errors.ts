/** No booking process could be reached, or all failed on the connection. */
export class BookingUnavailableError extends Error {
  override name = 'BookingUnavailableError';
}

/** No booking process answered before the deadline. Whether the command was carried out is not known. */
export class BookingTimeoutError extends Error {
  override name = 'BookingTimeoutError';
}

/** Too many requests wait for the booking processes already; this one was not sent. */
export class BookingBusyError extends Error {
  override name = 'BookingBusyError';
}

/** The error message for a command that failed before a decision, by code. */
export const failureMessages = {
  STORE_UNAVAILABLE: 'The booking service cannot be reached; try again',
  TIMEOUT: 'The booking service did not answer in time; try again, repeating a command is safe',
  BUSY: 'Too many commands wait for the booking service; try again',
  INTERNAL: 'Something went wrong here; it has been logged',
} as const;

export function failureOf(error: unknown): keyof typeof failureMessages {
  if (error instanceof BookingTimeoutError) return 'TIMEOUT';
  if (error instanceof BookingBusyError) return 'BUSY';
  if (error instanceof BookingUnavailableError) return 'STORE_UNAVAILABLE';
  return 'INTERNAL';
}
