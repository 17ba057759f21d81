import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Session {
  id: string;
  status: 'open' | 'complete' | 'expired';
  amountMinor: number;
  orderId: string;
  attempt: string;
  intent: 'none' | 'requires_capture' | 'succeeded' | 'canceled';
  refundedMinor: number;
}

/** The endpoints of Stripe's API that the provider uses, with its idempotency keys and its refusals. Closed by the caller. */
export async function startStripe() {
  const sessions = new Map<string, Session>();
  const replies = new Map<string, string>();
  const requests: { method: string; path: string; key: string | undefined }[] = [];
  const state = { isSilent: false };

  const shown = (session: Session) => {
    const { id, status, intent, amountMinor, refundedMinor, orderId, attempt } = session;
    const isTaken = intent === 'succeeded';
    return {
      id,
      object: 'checkout.session',
      status,
      url: status === 'open' ? `https://pay.example/${id}` : null,
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
  };
  const wrongState = { error: { type: 'invalid_request_error', message: 'unexpected state' } };

  function decide(method: string, path: string, form: URLSearchParams): [status: number, body: object] {
    const [, kind = '', id = '', verb = ''] =
      /^\/v1\/(checkout\/sessions|payment_intents|refunds)\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
    if (kind === 'checkout/sessions' && id === '') {
      const amountMinor = Number(form.get('line_items[0][price_data][unit_amount]'));
      if (form.get('payment_intent_data[capture_method]') !== 'manual' || !(amountMinor > 0)) return [400, wrongState];
      const session: Session = {
        id: `cs_test_${sessions.size + 1}`,
        status: 'open',
        amountMinor,
        orderId: form.get('metadata[order_id]') ?? '',
        attempt: form.get('metadata[attempt]') ?? '',
        intent: 'none',
        refundedMinor: 0,
      };
      sessions.set(session.id, session);
      return [200, shown(session)];
    }
    const sessionId = kind === 'refunds' ? (form.get('payment_intent') ?? '').slice(3) : id.replace(/^pi_/, '');
    const session = sessions.get(sessionId);
    if (!session) return [404, { error: { type: 'invalid_request_error', message: 'No such object' } }];
    if (method === 'GET') return [200, shown(session)];
    if (verb === 'expire') {
      if (session.status !== 'open') return [400, wrongState];
      session.status = 'expired';
    } else if (kind === 'refunds') {
      if (session.intent !== 'succeeded' || session.refundedMinor > 0) return [400, wrongState];
      session.refundedMinor = session.amountMinor;
    } else {
      if (session.intent !== 'requires_capture') return [400, wrongState];
      session.intent = verb === 'capture' ? 'succeeded' : 'canceled';
    }
    return [200, shown(session)];
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
      const body = Buffer.concat(chunks).toString();
      const known = key === undefined ? undefined : replies.get(`${key} ${path}`);
      const [status, reply] = known ? [200, JSON.parse(known)] : decide(method, path, new URLSearchParams(body));
      if (key !== undefined && status === 200) replies.set(`${key} ${path}`, JSON.stringify(reply));
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    api: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, protocol: 'http' as const },
    requests,
    session: (reference: string) => {
      const session = sessions.get(reference);
      return session && shown(session);
    },
    /** The payer pays on the hosted page. */
    pay(reference: string): void {
      const session = sessions.get(reference);
      if (session?.status !== 'open') return;
      session.status = 'complete';
      session.intent = 'requires_capture';
    },
    /** While true, requests get no reply. */
    silence(isSilent: boolean): void {
      state.isSilent = isSilent;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
