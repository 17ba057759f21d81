import { isDeepStrictEqual } from 'node:util';
import type Stripe from 'stripe';
import {
  type BegunPayment,
  InvalidWebhookError,
  type NewPayment,
  type PaymentMessage,
  PaymentOutcomeUnknownError,
  type PaymentProvider,
  PaymentRefusedError,
  type PaymentRequest,
  type ProviderPayment,
} from './payment-provider.ts';
import { webhookMaxAgeMs } from './webhook-signature.ts';

const timeoutMs = 10_000;
/** Stripe refuses sessions of less than 30 minutes. The shop ends them itself when the time to pay is over. */
const sessionAfterMs = 31 * 60_000;

export interface StripeProviderOptions {
  secretKey: string;
  /** Of the webhook endpoint: `whsec_…`. */
  webhookSecret: string;
  /** The page of the shop that shows an order. */
  returnUrlOf: (orderId: string) => string;
  /** `http://host:port` in place of Stripe's, for tests. */
  apiUrl?: string;
}

/** Loads the SDK, which is an optional dependency. Rejects if it is not installed. */
export async function stripeProvider(options: StripeProviderOptions): Promise<PaymentProvider> {
  const { default: Sdk } = await import('stripe');
  const { secretKey, apiUrl } = options;
  const api = apiUrl === undefined ? undefined : new URL(apiUrl);
  const stripe = new Sdk(secretKey, {
    timeout: timeoutMs,
    maxNetworkRetries: 1,
    telemetry: false,
    ...(api && { protocol: 'http', host: api.hostname, port: api.port }),
  });
  return new StripeProvider(stripe, Sdk.errors, options);
}

/** Stripe Checkout: a hosted page, money reserved at once and captured later. A reference is the id of a Checkout session. */
class StripeProvider implements PaymentProvider {
  readonly name = 'stripe';
  readonly #stripe: Stripe;
  readonly #errors: typeof Stripe.errors;
  readonly #options: StripeProviderOptions;

  constructor(stripe: Stripe, errors: typeof Stripe.errors, options: StripeProviderOptions) {
    this.#stripe = stripe;
    this.#errors = errors;
    this.#options = options;
  }

  async begin({
    key,
    orderId,
    attempt,
    amountMinor,
    currency,
    description,
    payUntilMs,
  }: NewPayment): Promise<BegunPayment> {
    const { returnUrlOf } = this.#options;
    const metadata = { order_id: orderId, attempt: String(attempt) };
    const price = { currency: currency.toLowerCase(), unit_amount: amountMinor, product_data: { name: description } };
    const parameters: Stripe.Checkout.SessionCreateParams = {
      mode: 'payment',
      line_items: [{ quantity: 1, price_data: price }],
      payment_intent_data: { capture_method: 'manual', metadata },
      metadata,
      client_reference_id: orderId,
      // A repeat with the same key must have the same parameters.
      expires_at: Math.floor((payUntilMs + sessionAfterMs) / 1000),
      success_url: returnUrlOf(orderId),
      cancel_url: returnUrlOf(orderId),
    };
    try {
      const { id, url } = await this.#stripe.checkout.sessions.create(parameters, { idempotencyKey: key });
      if (url === null) throw new PaymentRefusedError('The payment has no page');
      return { reference: id, payUrl: url };
    } catch (cause) {
      const isRefused = cause instanceof this.#errors.StripeInvalidRequestError;
      if (isRefused) throw new PaymentRefusedError('The payment provider refused this payment', { cause });
      throw this.#unknown(cause);
    }
  }

  inquire(reference: string): Promise<ProviderPayment> {
    return this.#call(reference, async () => {});
  }

  capture({ key, reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#call(reference, async ({ payment_intent: intent }) => {
      if (!isIntent(intent) || intent.status !== 'requires_capture') return;
      await this.#stripe.paymentIntents.capture(intent.id, {}, { idempotencyKey: key });
    });
  }

  expire({ key, reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#call(reference, async ({ status }) => {
      if (status === 'open') await this.#stripe.checkout.sessions.expire(reference, {}, { idempotencyKey: key });
    });
  }

  cancel({ key, reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#call(reference, async ({ payment_intent: intent }) => {
      if (!isIntent(intent) || intent.status !== 'requires_capture') return;
      await this.#stripe.paymentIntents.cancel(intent.id, {}, { idempotencyKey: key });
    });
  }

  refund({ key, reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#call(reference, async (session) => {
      const { capturedMinor, refundedMinor } = paymentOf(session);
      if (!isIntent(session.payment_intent) || refundedMinor >= capturedMinor) return;
      await this.#stripe.refunds.create({ payment_intent: session.payment_intent.id }, { idempotencyKey: key });
    });
  }

  /** The messages about Checkout sessions. What happens to their money later is the shop's own doing. */
  readWebhook(
    raw: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): PaymentMessage | undefined {
    const { webhookSecret } = this.#options;
    let event: Stripe.Event;
    try {
      const signature = headers['stripe-signature'] ?? '';
      event = this.#stripe.webhooks.constructEvent(raw, signature, webhookSecret, webhookMaxAgeMs / 1000);
    } catch (cause) {
      throw new InvalidWebhookError('The signature is not valid, or the message is too old', { cause });
    }
    const { id, type } = event;
    if (type !== 'checkout.session.completed' && type !== 'checkout.session.expired') return undefined;
    const { id: reference, metadata } = event.data.object;
    const { order_id: orderId, attempt } = metadata ?? {};
    if (orderId === undefined || attempt === undefined) return undefined;
    const state = type === 'checkout.session.completed' ? 'authorised' : 'cancelled';
    const payment: ProviderPayment = { reference, state, capturedMinor: 0, refundedMinor: 0 };
    return { id, type, orderId, attempt: Number(attempt), payment };
  }

  /**
   * Changes the payment, and returns it as it is then. A change that comes too late has no effect; one that Stripe refuses although
   * the payment is as it was is an error.
   */
  async #call(
    reference: string,
    change: (session: Stripe.Checkout.Session) => Promise<void>,
  ): Promise<ProviderPayment> {
    try {
      const before = await this.#session(reference);
      const refusal = await change(before).then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof this.#errors.StripeInvalidRequestError) return error;
          throw error;
        },
      );
      const payment = paymentOf(await this.#session(reference));
      if (refusal && isDeepStrictEqual(payment, paymentOf(before)))
        throw new PaymentOutcomeUnknownError(`Stripe refuses: ${refusal.message}`, { cause: refusal });
      return payment;
    } catch (cause) {
      throw this.#unknown(cause);
    }
  }

  #session(reference: string): Promise<Stripe.Checkout.Session> {
    return this.#stripe.checkout.sessions.retrieve(reference, { expand: ['payment_intent.latest_charge'] });
  }

  #unknown(cause: unknown): PaymentOutcomeUnknownError | PaymentRefusedError {
    if (cause instanceof PaymentRefusedError || cause instanceof PaymentOutcomeUnknownError) return cause;
    return new PaymentOutcomeUnknownError('Stripe did not say what became of the payment', { cause });
  }
}

const isIntent = (intent: Stripe.Checkout.Session['payment_intent']): intent is Stripe.PaymentIntent =>
  intent !== null && typeof intent === 'object';

function paymentOf({ id: reference, status, payment_intent: intent }: Stripe.Checkout.Session): ProviderPayment {
  const none = { reference, capturedMinor: 0, refundedMinor: 0 };
  if (status === 'expired') return { ...none, state: 'cancelled' };
  if (status === 'open' || !isIntent(intent)) return { ...none, state: 'pending' };
  switch (intent.status) {
    case 'requires_capture':
      return { ...none, state: 'authorised' };
    case 'canceled':
      return { ...none, state: 'cancelled' };
    case 'succeeded': {
      const charge = intent.latest_charge;
      const refundedMinor = charge !== null && typeof charge === 'object' ? charge.amount_refunded : 0;
      return { reference, state: 'captured', capturedMinor: intent.amount_received, refundedMinor };
    }
    default:
      return { ...none, state: 'pending' };
  }
}
