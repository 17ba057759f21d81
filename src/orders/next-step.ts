import { type Order, type Payment, paymentState } from '../ledger/order.ts';

/** The next step of an order. */
export type Step =
  /** End an order that is not paid in time: from here on nobody can pay it. */
  | { kind: 'lapse' }
  /** Free the seats of an order that nobody can pay any more, then record that it has ended. */
  | { kind: 'end'; state: 'lapsed' | 'cancelled' }
  /** Get the provider's reference of a payment that was begun. */
  | { kind: 'begin'; payment: Payment }
  /** Ask the provider for the outcome. `isOver`: the time to pay has ended, so the payment is ended too. */
  | { kind: 'ask'; payment: Payment; isOver: boolean }
  /** The payment failed: the user may pay again. */
  | { kind: 'reopen' }
  /** It is paid. */
  | { kind: 'authorise' }
  /** From here on the order is not cancelled any more. */
  | { kind: 'commit' }
  /** Book the seats and issue the tickets. */
  | { kind: 'book' }
  | { kind: 'capture'; payment: Payment }
  /** The tickets are not paid: void them. */
  | { kind: 'revoke' }
  /** The money does not match the order. */
  | { kind: 'ask-person'; reason: string }
  /** Return the money of a payment: its order has ended, or another payment has paid it. */
  | { kind: 'return'; payment: Payment }
  /** The tickets are paid: make sure once more that Redis has the seats as booked. */
  | { kind: 'confirm' }
  /** Everything is done: the order is not due any more. */
  | { kind: 'settle' }
  /** Money for an order that has ended. */
  | { kind: 'refuse-late-money' }
  /** All money is back. */
  | { kind: 'finish-refund' };

/**
 * The next step of an order at `nowMs` (Unix ms); undefined: wait. Decides from the ledger alone.
 * `mayAsk`: whether a payment under way is worth a question to the provider now.
 */
export function nextStep(order: Order, nowMs: number, mayAsk: boolean): Step | undefined {
  const isOver = nowMs >= order.payUntilMs;
  const payment = order.payments.at(-1);
  switch (order.state) {
    case 'open':
      return isOver ? { kind: 'lapse' } : undefined;
    case 'paying':
      return payment && stepOfPayment(payment, isOver, mayAsk);
    case 'authorised':
      return { kind: 'commit' };
    case 'booking':
      return { kind: 'book' };
    case 'issued': {
      const [paid, ...surplus] = order.payments.filter(hasMoney);
      if (surplus[0]) return { kind: 'return', payment: surplus[0] };
      if (order.amountMinor > 0 && !paid) return { kind: 'revoke' };
      if (paid && paymentState(paid) === 'authorised') return { kind: 'capture', payment: paid };
      if (paid && paid.capturedMinor - paid.refundedMinor !== order.amountMinor) {
        return {
          kind: 'ask-person',
          reason: `Paid ${paid.capturedMinor - paid.refundedMinor} of ${order.amountMinor}`,
        };
      }
      return order.dueAtMs === undefined ? undefined : { kind: 'confirm' };
    }
    case 'refunding': {
      const unsettled = order.payments.find((each) => hasMoney(each) || paymentState(each) === 'begun');
      return unsettled ? { kind: 'return', payment: unsettled } : { kind: 'finish-refund' };
    }
    case 'lapsing':
      return { kind: 'end', state: 'lapsed' };
    case 'cancelling':
      return { kind: 'end', state: 'cancelled' };
    case 'lapsed':
    case 'cancelled':
    case 'refunded':
      if (order.payments.some(hasMoney)) return { kind: 'refuse-late-money' };
      return order.dueAtMs === undefined ? undefined : { kind: 'settle' };
    case 'needs_person':
      return order.dueAtMs === undefined ? undefined : { kind: 'settle' };
  }
}

function stepOfPayment(payment: Payment, isOver: boolean, mayAsk: boolean): Step | undefined {
  switch (paymentState(payment)) {
    case 'begun':
      if (payment.reference === undefined) return { kind: 'begin', payment };
      return mayAsk ? { kind: 'ask', payment, isOver } : undefined;
    case 'authorised':
    case 'captured':
      return { kind: 'authorise' };
    case 'failed':
      return isOver ? { kind: 'lapse' } : { kind: 'reopen' };
    case 'cancelled':
    case 'refunded':
      return { kind: 'lapse' };
  }
}

/** Whether the provider holds money of the payer. */
export function hasMoney(payment: Payment): boolean {
  const state = paymentState(payment);
  return state === 'authorised' || state === 'captured';
}
