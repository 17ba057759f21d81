import { existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface StripeSession {
  id: string;
  status: 'open' | 'complete' | 'expired';
  amountMinor: number;
  orderId: string;
  attempt: string;
  /** The payer owes a second step. */
  isChallenged: boolean;
  intent: 'none' | 'requires_capture' | 'succeeded' | 'canceled';
  refundedMinor: number;
}

/** A webhook that the shop has to acknowledge. */
export interface StripeNotice {
  /** The id of its event: the same for each copy and each repeat. */
  eventId: string;
  type: 'checkout.session.completed' | 'checkout.session.expired';
  session: StripeSession;
  /** Unix ms. */
  dueAtMs: number;
  copies: number;
}

/** What one request changes: all of it is kept, or nothing. */
export interface StripeChange {
  session?: StripeSession;
  /** The reply to an idempotency key. */
  reply?: { key: string; body: object };
  notice?: StripeNotice;
  /** The event that the shop has acknowledged. */
  acknowledged?: string;
}

/** The state of the stand-in. With a file, a change is on the disk before anyone learns of it, and outlives the process. */
export class StripeJournal {
  readonly sessions = new Map<string, StripeSession>();
  readonly replies = new Map<string, object>();
  /** By event. */
  readonly notices = new Map<string, StripeNotice>();
  readonly #file: number | undefined;

  constructor(path?: string) {
    if (path === undefined) return;
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    // Without its line break, the last line was cut off by the end of the process: nobody has learned of it.
    for (const line of lines.slice(0, -1)) if (line !== '') this.#apply(JSON.parse(line));
    this.#file = openSync(path, 'a');
    if (lines.at(-1)) writeSync(this.#file, '\n');
  }

  commit(change: StripeChange): void {
    if (this.#file !== undefined) {
      writeSync(this.#file, `${JSON.stringify(change)}\n`);
      fdatasyncSync(this.#file);
    }
    this.#apply(change);
  }

  #apply({ session, reply, notice, acknowledged }: StripeChange): void {
    if (session) this.sessions.set(session.id, session);
    if (reply) this.replies.set(reply.key, reply.body);
    if (notice) this.notices.set(notice.eventId, notice);
    if (acknowledged !== undefined) this.notices.delete(acknowledged);
  }
}
