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
