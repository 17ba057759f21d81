import { RefusedError } from '../http/refused-error.ts';
import { type ErrorCode, type ErrorDetail, errorDetail, type Refusal } from '../protocol/errors.ts';
import { StoreTimeoutError, StoreUnavailableError, VenueLostError } from '../store/seat-store.ts';
import { BusyError } from './booking-service.ts';

const reasons: Record<Refusal, string> = {
  SEAT_HELD: 'Somebody else holds this seat',
  SEAT_BOOKED: 'This seat is booked',
  SEATS_TAKEN: 'Not all of these seats are free; none of them is held for you',
  NOT_HOLDER: 'You do not hold this seat',
  HOLD_LIMIT: 'You hold as many seats as one user may; book or release one first',
  EXTENSION_LIMIT: 'This hold cannot be extended any more',
  COOLDOWN: 'Your hold of this seat has just lapsed; for a moment it is there for others',
  STORE_UNAVAILABLE: 'No seat can be held at the moment; try again. What you hold can still be booked or released',
};

/** The causes are logged, not sent: they name servers and settings. */
const failures = {
  BUSY: 'Too many requests wait for this seat; try again',
  TIMEOUT: 'The booking service did not get a reply in time; try again, repeating a command is safe',
  STORE_UNAVAILABLE: 'The booking service cannot reach its store; try again in a moment',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** What a user is told whose command Redis refused. */
export function refusalDetail(refusal: Refusal): ErrorDetail {
  return errorDetail(refusal, reasons[refusal]);
}

/** What a user is told whose command could not be decided; undefined for an error that nobody foresaw. */
export function failureDetail(error: unknown): ErrorDetail | undefined {
  if (error instanceof RefusedError) return error.detail;
  const code = failureCode(error);
  return code && errorDetail(code, failures[code]);
}

function failureCode(error: unknown): keyof typeof failures | undefined {
  if (error instanceof BusyError) return 'BUSY';
  if (error instanceof StoreTimeoutError) return 'TIMEOUT';
  if (error instanceof StoreUnavailableError || error instanceof VenueLostError) return 'STORE_UNAVAILABLE';
  return undefined;
}
