import { Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import { InvalidWebhookError, type PaymentMessage } from '../orders/payment-provider.ts';
import type { Checkout } from './checkout.ts';

/** Providers send whole objects. */
const bodyLimitBytes = 65_536;

/** `POST /api/payments/:provider/webhook`. The signature is of the raw body, so this route has its own parser. */
export async function registerPaymentWebhookRoute(app: HttpApp, { orders, payments }: Checkout): Promise<void> {
  await app.register(async (child) => {
    child.removeAllContentTypeParsers();
    child.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bodyLimitBytes }, (_request, body, done) =>
      done(null, body),
    );
    const schema = {
      tags: ['orders'],
      operationId: 'receivePaymentMessage',
      summary: 'Receive a message of a payment provider',
      description: 'Signed by the provider. A repeated message has no second effect, and gets the same reply.',
      params: Type.Object({ provider: Type.String({ maxLength: 32, description: 'Name of the provider' }) }),
      response: { 200: Type.Object({ received: Type.Literal(true) }, { description: 'The message is recorded.' }) },
    };
    const refusals = ['UNAUTHENTICATED', 'NOT_FOUND', 'UNKNOWN_ORDER', 'TOO_LARGE', 'STORE_UNAVAILABLE'] as const;
    (child as HttpApp).post(
      '/api/payments/:provider/webhook',
      { schema, config: { apiDocument: { refusals } }, bodyLimit: bodyLimitBytes },
      async (request) => {
        const { provider } = request.params;
        if (!payments.has(provider)) throw new RefusedError('NOT_FOUND', 'There is no such payment provider');
        const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const message = read(() => payments.of(provider).readWebhook(raw, request.headers));
        if (message) await orders.receive(provider, message);
        return { received: true as const };
      },
    );
  });
}

function read(readWebhook: () => PaymentMessage | undefined): PaymentMessage | undefined {
  try {
    return readWebhook();
  } catch (cause) {
    if (!(cause instanceof InvalidWebhookError)) throw cause;
    throw new RefusedError('UNAUTHENTICATED', cause.message, { cause });
  }
}
