import type { ErrorCode } from '../../protocol/errors.ts';
import type { OrderReply } from '../../protocol/order.ts';
import { type ApiFailure, callApi } from '../api-call.ts';

/** Replies that no repetition changes: there is no such order for this user. */
const unknownCodes: ReadonlySet<ErrorCode> = new Set([
  'UNKNOWN_ORDER',
  'NOT_FOUND',
  'INVALID_REQUEST',
  'UNAUTHENTICATED',
  'FORBIDDEN',
]);

const fastMs = 1_000;
const unreachableMs = 2_000;
const longestRetryMs = 15_000;

export interface OrderWatchOptions {
  id: string;
  fetch: typeof fetch;
  monotonicMs: () => number;
  isHidden: () => boolean;
  /** The time to pay that is left, on the clock of the server. */
  msLeft: (order: OrderReply) => number;
  onOrder: (order: OrderReply, roundTripMs: number) => void;
  /** The order cannot be read now, so the last one may be out of date. */
  onTrouble: (failure: ApiFailure) => void;
  /** This user has no such order. Nothing is read any more. */
  onUnknown: () => void;
}

/** Reads an order again and again, as often as it can change. */
export class OrderWatch {
  readonly #options: OrderWatchOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  /** A read was requested during a read, whose result may be older than the request. */
  #isStale = false;
  #reads = 0;
  #failures = 0;

  constructor(options: OrderWatchOptions) {
    this.#options = options;
  }

  /** Reads now, and often for a while: the user has come back, or something has changed. */
  refresh(): void {
    this.#reads = 0;
    this.#isStale = this.#isReading;
    if (!this.#isReading) void this.#read();
  }

  /** Takes over the reply to a command. */
  take(order: OrderReply, roundTripMs: number): void {
    this.#options.onOrder(order, roundTripMs);
    this.refresh();
  }

  async #read(): Promise<void> {
    clearTimeout(this.#timer);
    const { id, fetch: fetcher, monotonicMs } = this.#options;
    this.#isReading = true;
    const sentAtMs = monotonicMs();
    const result = await callApi<OrderReply>(fetcher, `/api/orders/${encodeURIComponent(id)}`, {});
    this.#isReading = false;
    this.#reads++;
    if (this.#isStale) {
      this.#isStale = false;
      return this.#read();
    }
    if ('body' in result) this.#received(result.body, monotonicMs() - sentAtMs);
    else this.#failed(result);
  }

  #received(order: OrderReply, roundTripMs: number): void {
    const { onOrder, msLeft } = this.#options;
    this.#failures = 0;
    onOrder(order, roundTripMs);
    this.#readIn(paceMs(order, msLeft(order), this.#reads));
  }

  #failed(failure: ApiFailure): void {
    const { onUnknown, onTrouble } = this.#options;
    if (unknownCodes.has(failure.error.code)) {
      onUnknown();
      return;
    }
    onTrouble(failure);
    const backoffMs = Math.min(longestRetryMs, unreachableMs * 2 ** this.#failures++);
    // Pages that lost one server must not return together.
    this.#readIn(Math.max(backoffMs, failure.retryAfterMs ?? 0) * (1 + Math.random() / 4));
  }

  #readIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // The page reads again when it is seen.
      if (!this.#options.isHidden()) void this.#read();
    }, ms);
  }
}

/**
 * Time until the next read. Each read of an order that is being paid asks the payment provider, so it becomes rarer. An order
 * at rest may still change: its money may have to be returned.
 */
export function paceMs({ state }: Pick<OrderReply, 'state'>, msLeft: number, reads: number): number {
  switch (state) {
    case 'authorised':
    case 'booking':
    case 'lapsing':
    case 'cancelling':
    case 'refunding':
      return reads <= 30 ? fastMs : 5_000;
    case 'open':
    case 'paying':
      if (msLeft <= 0) return reads <= 30 ? fastMs : 5_000;
      // Once more, as soon as the time to pay is over.
      return Math.min(reads <= 10 ? fastMs : reads <= 30 ? 3_000 : 10_000, msLeft + 250);
    case 'issued':
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
    case 'needs_person':
      return 30_000;
  }
}
