import { RefusedError } from '../http/refused-error.ts';
import { LedgerUnavailableError, OrderChangedError, UnknownOrderError } from '../ledger/ledger-errors.ts';
import type { Order } from '../ledger/order.ts';
import { OrderClosedError } from '../orders/order-errors.ts';
import { PaymentOutcomeUnknownError } from '../orders/payment-provider.ts';
import { UnknownProviderError } from '../orders/payments.ts';
import { type ErrorCode, type ErrorDetail, errorDetail, type Refusal } from '../protocol/errors.ts';
import { ShowRefusedError, StoreTimeoutError, StoreUnavailableError, VenueLostError } from '../store/seat-store.ts';
import { BusyError } from './booking-service.ts';

const reasons: Record<Refusal, string> = {
  SEAT_HELD: 'Another user holds this seat',
  SEAT_BOOKED: 'This seat is booked',
  SEATS_TAKEN: 'Some of these seats are taken, so none of them is held for you',
  NOT_HOLDER: 'You do not hold this seat',
  HOLD_LIMIT: 'You already hold the maximum number of seats; book or release one first',
  EXTENSION_LIMIT: 'This hold has been extended as often as allowed',
  COOLDOWN: 'Your hold of this seat has just expired; other users have priority for a moment',
  ORDER_CLOSED: 'This order is closed',
  STORE_UNAVAILABLE: 'No more seats can be held at the moment; try again. Held seats can still be booked or released',
};

/** The causes are logged, not sent: they name servers and settings. */
const failures = {
  BUSY: 'Too many requests wait for this seat; try again',
  TIMEOUT: 'The booking service did not get a reply in time; try again, repeating a command is safe',
  STORE_UNAVAILABLE: 'The booking service cannot reach its store; try again in a moment',
} as const satisfies Partial<Record<ErrorCode, string>>;

const ledgerUnavailable = 'Checkout is not possible at the moment; try again, nothing is charged twice';
const providerUnavailable = 'The payment provider does not reply; try again, nothing is charged twice';
const showRefused = 'This booking process cannot open the show; another one may, so try again';

/** The error of a command that Redis refused. */
export function refusalDetail(refusal: Refusal): ErrorDetail {
  return errorDetail(refusal, reasons[refusal]);
}

/** The error of a command that could not be decided; undefined for an unexpected error. */
export function failureDetail(error: unknown): ErrorDetail | undefined {
  if (error instanceof RefusedError) return error.detail;
  if (error instanceof ShowRefusedError) return errorDetail('STORE_UNAVAILABLE', showRefused);
  const code = failureCode(error);
  if (code) return errorDetail(code, failures[code]);
  return checkoutFailure(error);
}

function checkoutFailure(error: unknown): ErrorDetail | undefined {
  if (error instanceof OrderClosedError) return errorDetail('ORDER_CLOSED', orderClosed(error.order));
  if (error instanceof UnknownOrderError) return errorDetail('UNKNOWN_ORDER', 'There is no such order');
  if (error instanceof LedgerUnavailableError) return errorDetail('STORE_UNAVAILABLE', ledgerUnavailable);
  if (error instanceof OrderChangedError) return errorDetail('BUSY', 'The order has just changed; try again');
  const isProvider = error instanceof PaymentOutcomeUnknownError || error instanceof UnknownProviderError;
  return isProvider ? errorDetail('STORE_UNAVAILABLE', providerUnavailable) : undefined;
}

const orderClosed = ({ state }: Order) =>
  state === 'paying' ? 'This order is being paid' : `This order cannot be changed any more: it is ${state}`;

function failureCode(error: unknown): keyof typeof failures | undefined {
  if (error instanceof BusyError) return 'BUSY';
  if (error instanceof StoreTimeoutError) return 'TIMEOUT';
  if (error instanceof StoreUnavailableError || error instanceof VenueLostError) return 'STORE_UNAVAILABLE';
  return undefined;
}
