import { createHash } from 'node:crypto';
import type { NewPayment, ProviderPayment } from '../payment-provider.ts';
import { sandboxCard } from './sandbox-cards.ts';
import type { SandboxPayment, SandboxStore } from './sandbox-store.ts';

type Change = Partial<Omit<SandboxPayment, 'reference' | 'version'>>;

export interface SandboxPaymentsOptions {
  store: SandboxStore;
  /** Unix ms. */
  nowMs: () => number;
}

/** The rules of the sandbox: what becomes of a payment. Each method rejects with an `UnknownPaymentError`, or as the store does. */
export class SandboxPayments {
  readonly #options: SandboxPaymentsOptions;

  constructor(options: SandboxPaymentsOptions) {
    this.#options = options;
  }

  /** The same key gives the same payment. */
  begin({ key, ...payment }: NewPayment): Promise<SandboxPayment> {
    return this.#options.store.add({
      ...payment,
      reference: referenceOf(key),
      state: 'pending',
      capturedMinor: 0,
      refundedMinor: 0,
      version: 0,
    });
  }

  async get(reference: string): Promise<SandboxPayment> {
    const payment = await this.#options.store.get(reference);
    if (!payment) throw new UnknownPaymentError(`There is no payment ${reference}`);
    return payment;
  }

  /** The payer pays with a card. Without effect if the payment is not pending any more; after `payUntilMs` it fails. */
  pay(reference: string, card: string): Promise<SandboxPayment> {
    return this.#change(reference, ({ state, payUntilMs }) => {
      if (state !== 'pending') return undefined;
      if (this.#options.nowMs() >= payUntilMs) return { state: 'failed', failure: 'The time to pay has ended' };
      const { outcome } = sandboxCard(card);
      if (outcome === 'declined') return { state: 'failed', failure: 'The card was declined' };
      return { state: outcome === 'challenge' ? 'challenge' : 'authorised' };
    });
  }

  /** The payer completes or refuses the second step. */
  answerChallenge(reference: string, isApproved: boolean): Promise<SandboxPayment> {
    return this.#change(reference, ({ state }) => {
      if (state !== 'challenge') return undefined;
      return isApproved ? { state: 'authorised' } : { state: 'failed', failure: 'The second step was refused' };
    });
  }

  capture(reference: string): Promise<SandboxPayment> {
    return this.#change(reference, ({ state, amountMinor }) =>
      state === 'authorised' ? { state: 'captured', capturedMinor: amountMinor } : undefined,
    );
  }

  expire(reference: string): Promise<SandboxPayment> {
    return this.#change(reference, ({ state }) =>
      state === 'pending' || state === 'challenge' ? { state: 'cancelled' } : undefined,
    );
  }

  cancel(reference: string): Promise<SandboxPayment> {
    return this.#change(reference, ({ state }) => (state === 'authorised' ? { state: 'cancelled' } : undefined));
  }

  refund(reference: string): Promise<SandboxPayment> {
    return this.#change(reference, ({ capturedMinor, refundedMinor }) =>
      refundedMinor < capturedMinor ? { refundedMinor: capturedMinor } : undefined,
    );
  }

  async #change(reference: string, changeOf: (payment: SandboxPayment) => Change | undefined): Promise<SandboxPayment> {
    for (;;) {
      const payment = await this.get(reference);
      const change = changeOf(payment);
      if (!change) return payment;
      const changed = { ...payment, ...change, version: payment.version + 1 };
      if (await this.#options.store.replace(changed)) return changed;
    }
  }
}

/** As the shop sees it. */
export function providerPayment({
  reference,
  state,
  capturedMinor,
  refundedMinor,
  failure,
}: SandboxPayment): ProviderPayment {
  const seen = state === 'challenge' ? 'pending' : state;
  return { reference, state: seen, capturedMinor, refundedMinor, ...(failure !== undefined && { failure }) };
}

/** Unguessable, because the key has the id of the order. */
const referenceOf = (key: string) => `sb_${createHash('sha256').update(key).digest('base64url').slice(0, 24)}`;

export class UnknownPaymentError extends Error {
  override name = 'UnknownPaymentError';
}
