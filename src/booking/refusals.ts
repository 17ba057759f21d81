import { RefusedError } from '../http/refused-error.ts';
import { type ErrorCode, type ErrorDetail, errorDetail, type Refusal } from '../protocol/errors.ts';
import { StoreTimeoutError, StoreUnavailableError, VenueLostError } from '../store/seat-store.ts';
import { BusyError } from './batcher.ts';

const reasons: Record<Refusal, string> = {
  SEAT_HELD: 'Somebody else holds this seat',
  SEAT_BOOKED: 'This seat is booked',
  NOT_HOLDER: 'You do not hold this seat',
  HOLD_LIMIT: 'You hold as many seats as one user may; book or release one first',
  COOLDOWN: 'Your hold of this seat has just lapsed; for a moment it is there for others',
};

/** What a user is told whose command Redis refused. */
export function refusalDetail(refusal: Refusal): ErrorDetail {
  return errorDetail(refusal, reasons[refusal]);
}

/** What a user is told whose command could not be decided; undefined for an error that nobody foresaw. */
export function failureDetail(error: unknown): ErrorDetail | undefined {
  if (error instanceof RefusedError) return error.detail;
  const code = failureCode(error);
  return code && errorDetail(code, (error as Error).message);
}

function failureCode(error: unknown): ErrorCode | undefined {
  if (error instanceof BusyError) return 'BUSY';
  if (error instanceof StoreTimeoutError) return 'TIMEOUT';
  if (error instanceof StoreUnavailableError || error instanceof VenueLostError) return 'STORE_UNAVAILABLE';
  return undefined;
}
