import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProviderRecord } from '../../bench/audit/checkout-audit.ts';
import { sandboxCard } from '../../src/orders/sandbox/sandbox-cards.ts';
import { type StripeChange, StripeJournal, type StripeSession } from './stripe-journal.ts';
import { changedSession, newSession, paidSession, recordOf, type StripeVerb, shownSession } from './stripe-sessions.ts';
import { StripeWebhooks } from './stripe-webhooks.ts';

export interface StripeOptions {
  /** 0: any free port. */
  port?: number;
  /** Keeps all that was replied. Without it, the state ends with the process. */
  journalPath?: string;
  webhooks?: { urls: readonly string[]; secret: string };
}

/** The reply to `GET /records`, which only tests ask for. */
export interface StripeRecords {
  payments: ProviderRecord[];
  /** Webhooks that are not delivered yet. */
  unacknowledged: number;
}

interface Outcome {
  status: number;
  body: object;
  change?: StripeChange;
  /** The request gets no reply. */
  isSilent?: boolean;
}

const refused = (message: string, status = 400): Outcome => ({
  status,
  body: { error: { type: 'invalid_request_error', message } },
});

/**
 * The endpoints of Stripe's API that the provider uses, with its idempotency keys and its refusals, and a pay page that takes
 * the cards of the sandbox. `POST /kill-after` with the end of a path: the process is killed after it has written what a
 * request of that path changes, and before its reply. Closed by the caller.
 */
export async function startStripe({ port = 0, journalPath, webhooks }: StripeOptions = {}) {
  const journal = new StripeJournal(journalPath);
  const sender = webhooks && new StripeWebhooks({ journal, ...webhooks });
  const requests: { method: string; path: string; key: string | undefined }[] = [];
  const state = { isSilent: false, killedAfter: '', refusesRefunds: false };
  const ownUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const shown = (session: StripeSession) => ({
    ...shownSession(session),
    url: session.status === 'open' ? `${ownUrl()}/pay/${session.id}` : null,
  });
  const noticeOf = (session: StripeSession, dueAtMs: number, copies: number) => ({
    eventId: `evt_${session.id}_${session.status}`,
    type: `checkout.session.${session.status === 'complete' ? 'completed' : 'expired'}` as const,
    session,
    dueAtMs,
    copies,
  });

  function decide(method: string, path: string, form: URLSearchParams): Outcome {
    const [, kind = '', id = '', action = ''] =
      /^\/v1\/(checkout\/sessions|payment_intents|refunds)\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
    if (kind === 'checkout/sessions' && id === '') {
      const session = newSession(`cs_test_${journal.sessions.size + 1}`, form);
      return session ? { status: 200, body: shown(session), change: { session } } : refused('unexpected parameters');
    }
    const sessionId = kind === 'refunds' ? (form.get('payment_intent') ?? '').slice(3) : id.replace(/^pi_/, '');
    const session = journal.sessions.get(sessionId);
    if (!session) return refused('No such object', 404);
    if (method === 'GET') return { status: 200, body: shown(session) };
    if (kind === 'refunds' && state.refusesRefunds) return refused('Insufficient balance');
    const changed = changedSession(session, kind === 'refunds' ? 'refund' : (action as StripeVerb));
    if (!changed) return refused('unexpected state');
    const notice = action === 'expire' ? { notice: noticeOf(changed, Date.now(), 1) } : {};
    return { status: 200, body: shown(changed), change: { session: changed, ...notice } };
  }

  /** The form of the pay page. A declined payer may try again, as with Stripe. */
  function decidePayment(session: StripeSession | undefined, form: URLSearchParams): Outcome {
    if (session?.status !== 'open') return { status: 410, body: { message: 'This payment has ended' } };
    const step = form.get('step');
    const card = sandboxCard(form.get('card') ?? '');
    if (step !== null && !session.isChallenged) return { status: 409, body: { message: 'No second step is due' } };
    if (step === 'refuse') return { status: 200, body: {}, change: { session: { ...session, isChallenged: false } } };
    if (step === null && card.outcome === 'declined') return { status: 402, body: { message: 'Declined' } };
    if (step === null && card.outcome === 'challenge') {
      return { status: 200, body: {}, change: { session: { ...session, isChallenged: true } } };
    }
    const paid = paidSession(session);
    const { webhookDelaysMs, replies } = step === null ? card : sandboxCard('4242424242424242');
    const [delayMs] = webhookDelaysMs;
    const notice =
      delayMs === undefined ? {} : { notice: noticeOf(paid, Date.now() + delayMs, webhookDelaysMs.length) };
    return { status: 200, body: {}, change: { session: paid, ...notice }, isSilent: !replies };
  }

  const records = (): StripeRecords => ({
    payments: [...journal.sessions.values()].map(recordOf),
    unacknowledged: journal.notices.size,
  });

  function outcomeOf(method: string, path: string, key: string | undefined, form: URLSearchParams): Outcome {
    if (path === '/ready' || path === '/kill-after') return { status: 200, body: {} };
    if (path === '/records') return { status: 200, body: records() };
    if (path.startsWith('/pay/')) return decidePayment(journal.sessions.get(path.slice(5)), form);
    const scopedKey = `${key} ${path}`;
    const known = key === undefined ? undefined : journal.replies.get(scopedKey);
    if (known) return { status: 200, body: known };
    const outcome = decide(method, path, form);
    if (key === undefined || !outcome.change) return outcome;
    return { ...outcome, change: { ...outcome.change, reply: { key: scopedKey, body: outcome.body } } };
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      const path = url.split('?')[0] ?? '';
      const key = request.headers['idempotency-key'] as string | undefined;
      requests.push({ method, path, key });
      if (state.isSilent) return request.socket.destroy();
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const { status, body, change, isSilent } = outcomeOf(method, path, key, form);
      if (path === '/kill-after') state.killedAfter = form.get('path') ?? '';
      if (change) journal.commit(change);
      if (change && state.killedAfter !== '' && path.endsWith(state.killedAfter)) process.kill(process.pid, 'SIGKILL');
      if (change?.notice) sender?.send(change.notice);
      if (isSilent) return request.socket.destroy();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: ownUrl(),
    requests,
    session: (reference: string) => {
      const session = journal.sessions.get(reference);
      return session && shown(session);
    },
    /** The payer pays on the hosted page. */
    pay(reference: string): void {
      const session = journal.sessions.get(reference);
      if (session?.status === 'open') journal.commit({ session: paidSession(session) });
    },
    /** While true, requests get no reply. */
    refuseRefunds(): void {
      state.refusesRefunds = true;
    },
    silence(isSilent: boolean): void {
      state.isSilent = isSilent;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
