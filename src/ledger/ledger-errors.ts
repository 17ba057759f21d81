import type { Order } from './order.ts';

/** The database cannot be reached, or takes no writes: retry later. */
export class LedgerUnavailableError extends Error {
  override name = 'LedgerUnavailableError';
  /** `unknown`: the connection was lost after a statement or a COMMIT was sent, so it may have taken effect. */
  readonly outcome: 'none' | 'unknown';

  constructor(message: string, { cause, outcome = 'none' }: { cause?: unknown; outcome?: 'none' | 'unknown' } = {}) {
    super(message, { cause });
    this.outcome = outcome;
  }
}

/** Another process changed the order first, or recorded something about its money. */
export class OrderChangedError extends Error {
  override name = 'OrderChangedError';
  readonly current: Order;

  constructor(current: Order) {
    super(`Order ${current.id} has changed: it is ${current.state}, version ${current.version}`);
    this.current = current;
  }
}

export class UnknownOrderError extends Error {
  override name = 'UnknownOrderError';

  constructor(orderId: string) {
    super(`There is no order ${orderId}`);
  }
}

/** Other live tickets have these seats. */
export class SeatAlreadySoldError extends Error {
  override name = 'SeatAlreadySoldError';
  readonly seatIds: readonly string[];

  constructor(show: string, seatIds: readonly string[], cause?: unknown) {
    super(`Sold already in show ${show}: ${seatIds.join(', ')}`, { cause });
    this.seatIds = seatIds;
  }
}

/** The user has another unfinished order for one of the seats. */
export class SeatInOrderError extends Error {
  override name = 'SeatInOrderError';
  readonly orderId: string;

  constructor(orderId: string, cause?: unknown) {
    super(`Order ${orderId} of this user has one of these seats`, { cause });
    this.orderId = orderId;
  }
}

/** Transitions between the history and the first event are missing. */
export class HistoryGapError extends Error {
  override name = 'HistoryGapError';
}
