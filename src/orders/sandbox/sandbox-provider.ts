import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  type BegunPayment,
  InvalidWebhookError,
  type NewPayment,
  type PaymentMessage,
  PaymentOutcomeUnknownError,
  type PaymentProvider,
  type PaymentRequest,
  type ProviderPayment,
} from '../payment-provider.ts';
import { signWebhook, verifyWebhook } from '../webhook-signature.ts';
import { providerPayment, type SandboxPayments } from './sandbox-payments.ts';
import type { SandboxPayment } from './sandbox-store.ts';

const sandboxSignatureHeader = 'sandbox-signature';

const messages = Compile(
  Type.Object({
    id: Type.String({ maxLength: 128 }),
    type: Type.String({ maxLength: 64 }),
    order_id: Type.String({ maxLength: 64 }),
    attempt: Type.Integer({ minimum: 1 }),
    payment: Type.Object({
      reference: Type.String({ maxLength: 128 }),
      state: Type.Union(
        (['pending', 'authorised', 'captured', 'failed', 'cancelled'] as const).map((state) =>
          Type.Literal(state),
        ) as never,
      ),
      capturedMinor: Type.Integer({ minimum: 0 }),
      refundedMinor: Type.Integer({ minimum: 0 }),
      failure: Type.Optional(Type.String({ maxLength: 200 })),
    }),
  }),
);

export interface SandboxProviderOptions {
  payments: SandboxPayments;
  /** Signs webhooks. */
  secret: string;
  /** Unix ms on the host's clock: signatures have a time. */
  hostNowMs: () => number;
  /** The page of a payment. */
  payUrlOf: (reference: string) => string;
}

/** The sandbox as a provider of the shop. It reserves money and captures it later. */
export class SandboxProvider implements PaymentProvider {
  readonly name = 'sandbox';
  readonly #options: SandboxProviderOptions;

  constructor(options: SandboxProviderOptions) {
    this.#options = options;
  }

  async begin(request: NewPayment): Promise<BegunPayment> {
    const { reference } = await unknownIfFailed(this.#options.payments.begin(request));
    return { reference, payUrl: this.#options.payUrlOf(reference) };
  }

  inquire(reference: string): Promise<ProviderPayment> {
    return this.#seen(this.#options.payments.get(reference));
  }

  capture({ reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#seen(this.#options.payments.capture(reference));
  }

  expire({ reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#seen(this.#options.payments.expire(reference));
  }

  cancel({ reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#seen(this.#options.payments.cancel(reference));
  }

  refund({ reference }: PaymentRequest): Promise<ProviderPayment> {
    return this.#seen(this.#options.payments.refund(reference));
  }

  readWebhook(raw: Buffer, headers: Readonly<Record<string, string | string[] | undefined>>): PaymentMessage {
    verifyWebhook(raw, headers[sandboxSignatureHeader], this.#options.secret, this.#options.hostNowMs());
    let message: unknown;
    try {
      message = JSON.parse(raw.toString('utf8'));
    } catch (cause) {
      throw new InvalidWebhookError('The message is not JSON', { cause });
    }
    if (!messages.Check(message)) throw new InvalidWebhookError('The message has an unexpected shape');
    const { id, type, order_id: orderId, attempt, payment } = message;
    return { id, type, orderId, attempt, payment: payment as ProviderPayment };
  }

  /** The message about the payment as it is now, and its headers. The same version has the same id. */
  webhookOf(payment: SandboxPayment): { raw: Buffer; headers: Record<string, string> } {
    const { secret, hostNowMs } = this.#options;
    const { reference, version, state, orderId, attempt } = payment;
    const message = {
      id: `${reference}:${version}`,
      type: `payment.${state}`,
      order_id: orderId,
      attempt,
      payment: providerPayment(payment),
    };
    const raw = Buffer.from(JSON.stringify(message));
    const signature = signWebhook(raw, secret, hostNowMs());
    return { raw, headers: { 'content-type': 'application/json', [sandboxSignatureHeader]: signature } };
  }

  async #seen(payment: Promise<SandboxPayment>): Promise<ProviderPayment> {
    return providerPayment(await unknownIfFailed(payment));
  }
}

async function unknownIfFailed<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (cause) {
    throw new PaymentOutcomeUnknownError('The sandbox did not reply', { cause });
  }
}
