import type { PaymentFact } from '../ledger/order.ts';
import type { ProviderPayment } from './payment-provider.ts';

/** The facts that a provider's view of a payment proves. None while it is pending. `atMs`: Unix ms. */
export function factsOf(
  { reference, state, capturedMinor, refundedMinor, failure = 'The payment failed' }: ProviderPayment,
  attempt: number,
  atMs: number,
): PaymentFact[] {
  const fact = { attempt, atMs, reference };
  const refunded: PaymentFact[] = refundedMinor > 0 ? [{ ...fact, kind: 'refunded', totalMinor: refundedMinor }] : [];
  switch (state) {
    case 'pending':
      return [];
    case 'authorised':
    case 'cancelled':
      return [{ ...fact, kind: state }];
    case 'failed':
      return [{ ...fact, kind: 'failed', failure }];
    case 'captured':
      return [{ ...fact, kind: 'captured', totalMinor: capturedMinor }, ...refunded];
  }
}
