import { expect, test } from 'vitest';
import { configuredCheckout } from '../../src/booking/configured-checkout.ts';
import { InvalidWebhookError } from '../../src/orders/payment-provider.ts';
import type { SandboxProvider } from '../../src/orders/sandbox/sandbox-provider.ts';
import { MemorySandboxStore, type SandboxPayment } from '../../src/orders/sandbox/sandbox-store.ts';
import { loadEmbeddedConfig } from '../../src/process/config.ts';
import { silent } from '../support/silent.ts';

const payment: SandboxPayment = {
  reference: 'sb_1',
  orderId: 'order',
  attempt: 1,
  amountMinor: 4_500,
  currency: 'EUR',
  description: 'gala: A1',
  payUntilMs: 0,
  state: 'authorised',
  capturedMinor: 0,
  refundedMinor: 0,
  version: 1,
};

/** The sandbox of a booking process with these settings. */
async function sandboxOf(env: Record<string, string> = {}): Promise<SandboxProvider> {
  const config = loadEmbeddedConfig({ PAYMENT_PROVIDER: 'sandbox', ...env });
  const checkout = await configuredCheckout(config, new MemorySandboxStore(), silent);
  return checkout?.payments.current as SandboxProvider;
}

test('[R912] with a common secret each process accepts the webhooks of the others; without one, only its own', async () => {
  const SANDBOX_WEBHOOK_SECRET = 'a secret of all processes';
  const [first, second] = [await sandboxOf({ SANDBOX_WEBHOOK_SECRET }), await sandboxOf({ SANDBOX_WEBHOOK_SECRET })];
  const [alone, other] = [await sandboxOf(), await sandboxOf()];
  const message = first.webhookOf(payment);
  expect(second.readWebhook(message.raw, message.headers)).toMatchObject({ orderId: 'order' });
  const own = alone.webhookOf(payment);
  expect(alone.readWebhook(own.raw, own.headers)).toMatchObject({ orderId: 'order' });
  for (const provider of [other, second])
    expect(() => provider.readWebhook(own.raw, own.headers)).toThrow(InvalidWebhookError);
});
