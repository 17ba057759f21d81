import type { Logger } from 'pino';
import { request } from 'undici';
import type { Clock } from '../../process/clock.ts';
import { type SandboxCard, sandboxCard } from './sandbox-cards.ts';
import type { SandboxPayments } from './sandbox-payments.ts';
import type { SandboxProvider } from './sandbox-provider.ts';
import type { SandboxPayment } from './sandbox-store.ts';

const timeoutMs = 5_000;
/** Pauses before each further attempt to deliver a webhook. */
const retryPausesMs = [1_000, 2_000, 5_000, 15_000, 60_000];

export interface SandboxSiteOptions {
  payments: SandboxPayments;
  provider: SandboxProvider;
  /** Where the shop receives messages; undefined: nowhere yet. */
  webhookUrl: () => string | undefined;
  /** The page of the shop that shows an order. */
  returnUrlOf: (orderId: string) => string;
  clock: Clock;
  logger: Logger;
}

/** The effects of the payer's card: the payment, the messages to the shop, and the reply to the payer. */
export class SandboxSite {
  readonly #options: SandboxSiteOptions;

  constructor(options: SandboxSiteOptions) {
    this.#options = options;
  }

  payment(reference: string): Promise<SandboxPayment> {
    return this.#options.payments.get(reference);
  }

  returnUrlOf({ orderId }: SandboxPayment): string {
    return this.#options.returnUrlOf(orderId);
  }

  /** undefined: this card gets no reply. */
  async pay(reference: string, number: string): Promise<SandboxPayment | undefined> {
    const card = sandboxCard(number);
    const payment = await this.#options.payments.pay(reference, number);
    await this.#report(payment, card);
    return card.replies ? payment : undefined;
  }

  async answerChallenge(reference: string, isApproved: boolean): Promise<SandboxPayment> {
    const payment = await this.#options.payments.answerChallenge(reference, isApproved);
    this.#send(payment, 0);
    return payment;
  }

  /** Two messages are sent before the payer gets a reply, others after it. */
  async #report(payment: SandboxPayment, { webhookDelaysMs }: SandboxCard): Promise<void> {
    if (payment.state === 'challenge') return;
    if (webhookDelaysMs.length > 1) await Promise.all(webhookDelaysMs.map(() => this.#deliver(payment)));
    else for (const delayMs of webhookDelaysMs) this.#options.clock.setTimeout(() => this.#send(payment, 0), delayMs);
  }

  /** Retries until the shop has taken the message. Lost if this process ends: then the shop inquires. */
  #send(payment: SandboxPayment, attempt: number): void {
    void this.#deliver(payment).then((isTaken) => {
      const pauseMs = retryPausesMs[attempt];
      if (isTaken || pauseMs === undefined) return;
      this.#options.clock.setTimeout(() => this.#send(payment, attempt + 1), pauseMs);
    });
  }

  async #deliver(payment: SandboxPayment): Promise<boolean> {
    const { provider, webhookUrl, logger } = this.#options;
    const url = webhookUrl();
    if (url === undefined) return false;
    const { raw: body, headers } = provider.webhookOf(payment);
    try {
      // A connection that is kept would delay the end of the shop's process.
      const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
      const reply = await request(url, { method: 'POST', body, headers, reset: true, ...timeouts });
      await reply.body.dump();
      return reply.statusCode === 200;
    } catch (err) {
      logger.debug({ err, reference: payment.reference }, 'A webhook of the sandbox was not delivered');
      return false;
    }
  }
}
