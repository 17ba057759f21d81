/**
 * All error codes. `retryable`: the same request may succeed later, unchanged. A repeat of a
 * command is safe: it changes nothing, except that an extension without an idempotency key is made again.
 */
export const errorCodes = {
  INVALID_REQUEST: { httpStatus: 400, retryable: false },
  UNAUTHENTICATED: { httpStatus: 401, retryable: false },
  PAYMENT_REQUIRED: { httpStatus: 402, retryable: false },
  FORBIDDEN: { httpStatus: 403, retryable: false },
  UNKNOWN_SHOW: { httpStatus: 404, retryable: false },
  UNKNOWN_ORDER: { httpStatus: 404, retryable: false },
  UNKNOWN_SEAT: { httpStatus: 404, retryable: false },
  NOT_FOUND: { httpStatus: 404, retryable: false },
  METHOD_NOT_ALLOWED: { httpStatus: 405, retryable: false },
  SEAT_HELD: { httpStatus: 409, retryable: true },
  SEAT_BOOKED: { httpStatus: 409, retryable: false },
  SEATS_TAKEN: { httpStatus: 409, retryable: true },
  NOT_TOGETHER: { httpStatus: 409, retryable: true },
  SINGLE_SEAT: { httpStatus: 409, retryable: false },
  NOT_HOLDER: { httpStatus: 409, retryable: false },
  ORDER_CLOSED: { httpStatus: 409, retryable: false },
  SALE_CLOSED: { httpStatus: 410, retryable: false },
  TOO_LARGE: { httpStatus: 413, retryable: false },
  RATE_LIMITED: { httpStatus: 429, retryable: true },
  HOLD_LIMIT: { httpStatus: 429, retryable: true },
  EXTENSION_LIMIT: { httpStatus: 429, retryable: false },
  COOLDOWN: { httpStatus: 429, retryable: true },
  INTERNAL: { httpStatus: 500, retryable: false },
  STORE_UNAVAILABLE: { httpStatus: 503, retryable: true },
  BUSY: { httpStatus: 503, retryable: true },
  TIMEOUT: { httpStatus: 504, retryable: true },
} as const satisfies Record<string, { httpStatus: number; retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

/** Reasons for which Redis refuses a command. */
export type Refusal =
  | 'SEAT_HELD'
  | 'SEAT_BOOKED'
  | 'SEATS_TAKEN'
  | 'NOT_HOLDER'
  | 'HOLD_LIMIT'
  | 'EXTENSION_LIMIT'
  | 'COOLDOWN'
  | 'ORDER_CLOSED'
  | 'STORE_UNAVAILABLE';

/** The error of a refusal. */
export interface ErrorDetail {
  code: ErrorCode;
  message: string;
  retryable: boolean;
}

export function errorDetail(code: ErrorCode, message: string): ErrorDetail {
  return { code, message, retryable: errorCodes[code].retryable };
}
