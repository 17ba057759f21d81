import Stripe from 'stripe';
import type { StripeJournal, StripeNotice } from './stripe-journal.ts';
import { shownSession } from './stripe-sessions.ts';

const retryPauseMs = 500;
const replyWithinMs = 5_000;

export interface StripeWebhooksOptions {
  journal: StripeJournal;
  /** The webhook endpoints of the booking processes: attempts go to them in turn. */
  urls: readonly string[];
  secret: string;
}

/** Delivers the notices of the journal, also those of an earlier process: each is repeated until the shop acknowledges it. */
export class StripeWebhooks {
  readonly #options: StripeWebhooksOptions;
  #turn = 0;

  constructor(options: StripeWebhooksOptions) {
    this.#options = options;
    for (const notice of options.journal.notices.values()) this.send(notice);
  }

  send(notice: StripeNotice): void {
    setTimeout(() => void this.#deliver(notice), Math.max(0, notice.dueAtMs - Date.now()));
  }

  async #deliver(notice: StripeNotice): Promise<void> {
    const attempts = Array.from({ length: notice.copies }, () => this.#attempt(notice));
    const results = await Promise.all(attempts);
    if (results.every(Boolean)) this.#options.journal.commit({ acknowledged: notice.eventId });
    else setTimeout(() => void this.#deliver(notice), retryPauseMs);
  }

  async #attempt({ eventId: id, type, session }: StripeNotice): Promise<boolean> {
    const { urls, secret } = this.#options;
    const url = urls[this.#turn++ % urls.length] ?? '';
    const body = JSON.stringify({ id, object: 'event', type, data: { object: shownSession(session) } });
    const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret });
    try {
      const reply = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'stripe-signature': signature },
        body,
        signal: AbortSignal.timeout(replyWithinMs),
      });
      await reply.arrayBuffer();
      return reply.status === 200;
    } catch {
      return false;
    }
  }
}
