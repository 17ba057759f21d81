import type { ErrorCode } from '../protocol/errors.ts';

/** The meaning of each error code, for the API document. docs/protocol.md has the same table. */
export const errorMeanings: Record<ErrorCode, string> = {
  INVALID_REQUEST: 'The request is not JSON, or a field is missing or has the wrong type or form.',
  UNAUTHENTICATED: 'A session is needed and none was sent, or the session expired or is not valid here.',
  FORBIDDEN: 'The session belongs to another user, or the request comes from a page or host name that is not allowed.',
  UNKNOWN_SHOW: 'There is no such show.',
  UNKNOWN_SEAT: 'The id is valid, but the venue has no such seat.',
  NOT_FOUND: 'There is no resource at this path.',
  METHOD_NOT_ALLOWED: 'The path takes other methods, which `Allow` lists.',
  SEAT_HELD: 'Another user holds the seat.',
  SEAT_BOOKED: 'The seat is booked.',
  SEATS_TAKEN: 'Some of the seats, which `seats` lists, are taken: none is held.',
  NOT_TOGETHER: 'There are not as many free seats together, of the category and section that were asked for.',
  SINGLE_SEAT: 'The choice would leave a single seat, which this show does not allow; the message names other seats.',
  NOT_HOLDER: 'The user does not hold the seat, or no longer holds it.',
  ORDER_CLOSED: 'The order is paid, cancelled or lapsed, or its payment is being completed.',
  SALE_CLOSED: 'The sale has not opened yet, or is closed.',
  TOO_LARGE: 'The body is larger than 4 KiB.',
  RATE_LIMITED: 'The user, session or address reached a limit, which the message names.',
  HOLD_LIMIT: 'The user already holds the maximum number of seats.',
  EXTENSION_LIMIT: 'The hold has reached its maximum number of extensions.',
  COOLDOWN: 'A hold of this seat by the same user expired a moment ago (`REHOLD_COOLDOWN_MS`).',
  INTERNAL: 'The server failed unexpectedly. The fault is logged.',
  STORE_UNAVAILABLE: 'Redis, or every booking process, is unavailable.',
  BUSY: 'Too many requests wait for this seat.',
  TIMEOUT: 'No reply came in time. The command may have taken effect: repeat it to learn the result.',
};
