/** A service that takes money. Two implementations pass one contract suite: test/contract/payment-provider.contract.ts. */
export interface PaymentProvider {
  /** Part of the path of its webhooks, and of each payment in the ledger. */
  readonly name: string;

  /**
   * Prepares a payment and the page on which it is made. The same key gives the same payment.
   * Rejects with a `PaymentRefusedError` if the provider will never take this payment.
   */
  begin(request: NewPayment): Promise<BegunPayment>;
  /** The payment as it is now. */
  inquire(reference: string): Promise<ProviderPayment>;
  /** Takes reserved money. Without effect on a payment in any other state: the reply shows that state. */
  capture(request: PaymentRequest): Promise<ProviderPayment>;
  /** Ends a payment that nobody has made. Without effect on one that is made. */
  expire(request: PaymentRequest): Promise<ProviderPayment>;
  /** Gives reserved money back. Without effect on a payment in any other state. */
  cancel(request: PaymentRequest): Promise<ProviderPayment>;
  /** Pays all captured money back. Without effect if nothing was captured, or it is paid back already. */
  refund(request: PaymentRequest): Promise<ProviderPayment>;
  /** Verifies the signature and the age of a message. Throws an `InvalidWebhookError`. undefined: a message about nothing of ours. */
  readWebhook(
    raw: Buffer,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): PaymentMessage | undefined;
}

export interface PaymentRequest {
  /** Idempotency key `order:attempt:verb`: a repeat has no second effect. */
  key: string;
  /** The provider's id of the payment. */
  reference: string;
}

export interface NewPayment {
  /** Idempotency key. */
  key: string;
  orderId: string;
  attempt: number;
  /** In minor units, above 0. */
  amountMinor: number;
  /** ISO 4217. */
  currency: string;
  /** Shown to the payer. */
  description: string;
  /** Unix ms: after it the payer cannot begin any more, if the provider can expire payments. */
  payUntilMs: number;
}

export interface BegunPayment {
  reference: string;
  /** The page on which the payer pays. */
  payUrl: string;
}

/**
 * A payment as the provider sees it. `pending`: the payer may still pay. `failed` and `cancelled` are final: no money was
 * taken and none will be.
 */
export interface ProviderPayment {
  reference: string;
  state: 'pending' | 'authorised' | 'captured' | 'failed' | 'cancelled';
  /** In total, in minor units. */
  capturedMinor: number;
  /** In total, in minor units. */
  refundedMinor: number;
  /** Why it failed, for people. */
  failure?: string;
}

/** The content of a webhook. */
export interface PaymentMessage {
  /** The provider's id of the message: the same at every delivery. */
  id: string;
  /** In the words of the provider. */
  type: string;
  orderId: string;
  attempt: number;
  payment: ProviderPayment;
}

/** No reply, or a meaningless one: the call may have taken effect. */
export class PaymentOutcomeUnknownError extends Error {
  override name = 'PaymentOutcomeUnknownError';
}

/** The provider refuses the payment for good. The message is for people. */
export class PaymentRefusedError extends Error {
  override name = 'PaymentRefusedError';
}

/** A message that is forged, too old, or cannot be read. */
export class InvalidWebhookError extends Error {
  override name = 'InvalidWebhookError';
}

export const paymentKey = (
  orderId: string,
  attempt: number,
  verb: 'begin' | 'expire' | 'capture' | 'cancel' | 'refund',
): string => `${orderId}:${attempt}:${verb}`;
