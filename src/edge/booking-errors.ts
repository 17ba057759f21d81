/** No booking process could be reached, or all failed on the connection. */
export class BookingUnavailableError extends Error {
  override name = 'BookingUnavailableError';
}

/** No booking process replied before the deadline. It is unknown whether the command was executed. */
export class BookingTimeoutError extends Error {
  override name = 'BookingTimeoutError';
}

/** Too many requests are waiting for the booking processes; this one was not sent. */
export class BookingBusyError extends Error {
  override name = 'BookingBusyError';
}

/** There is no show with this id. */
export class UnknownShowError extends Error {
  override name = 'UnknownShowError';

  constructor(show: string) {
    super(`There is no show ${show}`);
  }
}

/** Error messages, by code, for commands that failed before a decision. */
export const failureMessages = {
  STORE_UNAVAILABLE: 'The booking service is unavailable; try again',
  TIMEOUT: 'The booking service did not answer in time; try again, repeating a command is safe',
  BUSY: 'Too many commands are waiting for the booking service; try again',
  INTERNAL: 'Something went wrong here; it has been logged',
} as const;

export function failureOf(error: unknown): keyof typeof failureMessages {
  if (error instanceof BookingTimeoutError) return 'TIMEOUT';
  if (error instanceof BookingBusyError) return 'BUSY';
  if (error instanceof BookingUnavailableError) return 'STORE_UNAVAILABLE';
  return 'INTERNAL';
}
