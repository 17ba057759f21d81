import Stripe from 'stripe';
import { expect, onTestFinished, test } from 'vitest';
import { PaymentOutcomeUnknownError } from '../../src/orders/payment-provider.ts';
import { stripeProvider } from '../../src/orders/stripe-provider.ts';
import { startStripe } from '../support/stripe-stand-in.ts';
import { type ProviderPlace, paymentProviderContract } from './payment-provider.contract.ts';

const webhookSecret = 'whsec_of_the_test';

async function newPlace(): Promise<ProviderPlace & { stripe: Awaited<ReturnType<typeof startStripe>> }> {
  const stripe = await startStripe();
  onTestFinished(() => stripe.close());
  const provider = await stripeProvider({
    secretKey: 'sk_test_of_the_test',
    webhookSecret,
    returnUrlOf: (orderId) => `https://shop.example/orders/${orderId}`,
    apiUrl: stripe.url,
  });
  return {
    stripe,
    provider,
    async pay(reference) {
      stripe.pay(reference);
    },
    webhook(reference, ageMs = 0) {
      const object = stripe.session(reference);
      const event = { id: 'evt_1', object: 'event', type: 'checkout.session.completed', data: { object } };
      const payload = JSON.stringify(event);
      const timestamp = Math.floor((Date.now() - ageMs) / 1000);
      const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: webhookSecret, timestamp });
      return { raw: Buffer.from(payload), headers: { 'stripe-signature': signature } };
    },
    async whileSilent(act) {
      stripe.silence(true);
      await act();
      stripe.silence(false);
    },
  };
}

paymentProviderContract(newPlace);

test('[R752] each verb has its own idempotency key, and a repeat of a capture is one capture', async () => {
  const { stripe, provider, pay } = await newPlace();
  const { reference } = await provider.begin({
    key: 'o1:1:begin',
    orderId: 'o1',
    attempt: 1,
    amountMinor: 700,
    currency: 'EUR',
    description: 'gala: A1',
    payUntilMs: Date.now() + 600_000,
  });
  await pay(reference);
  await provider.capture({ key: 'o1:1:capture', reference });
  await provider.refund({ key: 'o1:1:refund', reference });
  const changes = stripe.requests.filter(({ method }) => method === 'POST').map(({ key }) => key);
  expect(changes).toEqual(['o1:1:begin', 'o1:1:capture', 'o1:1:refund']);
});

test('[R1097] a refund that is refused although the money is there has failed, with the reason', async () => {
  const { stripe, provider, pay } = await newPlace();
  const { reference } = await provider.begin({
    ...{ key: 'o1:1:begin', orderId: 'o1', attempt: 1, amountMinor: 700, currency: 'EUR' },
    ...{ description: 'gala: A1', payUntilMs: Date.now() + 600_000 },
  });
  await pay(reference);
  await provider.capture({ key: 'o1:1:capture', reference });
  stripe.refuseRefunds();
  const refunded = provider.refund({ key: 'o1:1:refund', reference });
  await expect(refunded).rejects.toThrow('Stripe refuses: Insufficient balance');
  await expect(refunded).rejects.toBeInstanceOf(PaymentOutcomeUnknownError);
});

test('[R752] messages about other objects, or of another shop, are ignored', async () => {
  const { provider } = await newPlace();
  const read = (event: object) => {
    const payload = JSON.stringify({ id: 'evt_2', object: 'event', ...event });
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: webhookSecret });
    return provider.readWebhook(Buffer.from(payload), { 'stripe-signature': signature });
  };
  expect(read({ type: 'customer.created', data: { object: {} } })).toBeUndefined();
  expect(read({ type: 'checkout.session.completed', data: { object: { id: 'cs', metadata: {} } } })).toBeUndefined();
});
