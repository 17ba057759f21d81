import type { ProviderRecord } from '../../bench/audit/checkout-audit.ts';
import type { StripeSession } from './stripe-journal.ts';

/** As the API of Stripe shows it. */
export function shownSession({ id, status, intent, amountMinor, refundedMinor, orderId, attempt }: StripeSession) {
  const isTaken = intent === 'succeeded';
  return {
    id,
    object: 'checkout.session',
    status,
    metadata: { order_id: orderId, attempt },
    payment_intent:
      intent === 'none'
        ? null
        : {
            id: `pi_${id}`,
            object: 'payment_intent',
            status: intent,
            amount_received: isTaken ? amountMinor : 0,
            latest_charge: isTaken ? { id: `ch_${id}`, object: 'charge', amount_refunded: refundedMinor } : null,
          },
  };
}

const states = { none: 'pending', requires_capture: 'authorised', succeeded: 'captured', canceled: 'cancelled' };

/** For the audit of checkout. */
export function recordOf({ id, status, intent, amountMinor, refundedMinor, orderId }: StripeSession): ProviderRecord {
  return {
    reference: id,
    orderId,
    state: status === 'expired' ? 'cancelled' : states[intent],
    capturedMinor: intent === 'succeeded' ? amountMinor : 0,
    refundedMinor,
  };
}

/** A form of the API of Stripe. undefined: it refuses the form. */
export function newSession(id: string, form: URLSearchParams): StripeSession | undefined {
  const amountMinor = Number(form.get('line_items[0][price_data][unit_amount]'));
  if (form.get('payment_intent_data[capture_method]') !== 'manual' || !(amountMinor > 0)) return undefined;
  return {
    id,
    status: 'open',
    amountMinor,
    orderId: form.get('metadata[order_id]') ?? '',
    attempt: form.get('metadata[attempt]') ?? '',
    isChallenged: false,
    intent: 'none',
    refundedMinor: 0,
  };
}

export type StripeVerb = 'expire' | 'capture' | 'cancel' | 'refund';

/** The session after the verb. undefined: its state does not allow the verb. */
export function changedSession(session: StripeSession, verb: StripeVerb): StripeSession | undefined {
  const { status, intent, amountMinor, refundedMinor } = session;
  switch (verb) {
    case 'expire':
      return status === 'open' ? { ...session, status: 'expired' } : undefined;
    case 'capture':
      return intent === 'requires_capture' ? { ...session, intent: 'succeeded' } : undefined;
    case 'cancel':
      return intent === 'requires_capture' ? { ...session, intent: 'canceled' } : undefined;
    case 'refund':
      return intent === 'succeeded' && refundedMinor === 0 ? { ...session, refundedMinor: amountMinor } : undefined;
  }
}

export const paidSession = (session: StripeSession): StripeSession => ({
  ...session,
  status: 'complete',
  isChallenged: false,
  intent: 'requires_capture',
});
