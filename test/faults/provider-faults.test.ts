import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { approvedCard, CheckoutClient } from '../../bench/clients/checkout-client.ts';
import {
  type PaymentMessage,
  PaymentOutcomeUnknownError,
  type PaymentProvider,
  paymentKey,
} from '../../src/orders/payment-provider.ts';
import { stripeProvider } from '../../src/orders/stripe-provider.ts';
import { startStripeProcess, type TestServer } from '../support/servers.ts';
import { buyTickets } from './buy-tickets.ts';
import { checkoutProblems } from './checkout-problems.ts';
import { show, startCheckoutShop, stripeRecords } from './checkout-shop.ts';
import { until } from './time.ts';

vi.setConfig({ testTimeout: 120_000 });

const webhookSecret = 'whsec_of_the_test';
const orderId = 'order-of-the-test';

const providerAt = (port: number): Promise<PaymentProvider> =>
  stripeProvider({
    secretKey: 'sk_test_of_the_test',
    webhookSecret,
    returnUrlOf: () => 'https://shop.example',
    apiUrl: `http://127.0.0.1:${port}`,
  });

async function newPlace(): Promise<{ stripe: TestServer; provider: PaymentProvider }> {
  const stripe = await startStripeProcess();
  onTestFinished(() => stripe.stop());
  return { stripe, provider: await providerAt(stripe.port) };
}

const beginWith = (provider: PaymentProvider, key: string) =>
  provider.begin({
    key,
    orderId,
    attempt: 1,
    amountMinor: 4_500,
    currency: 'EUR',
    description: 'gala: A1',
    payUntilMs: 1_900_000_000_000, // a repeat must have the same
  });

const pathOf = { begin: '/sessions', capture: '/capture', refund: '/refunds' };

/** Stripe writes the effect of the call and is killed before it replies; then it starts again. */
async function killedBeforeReply(
  stripe: TestServer,
  verb: keyof typeof pathOf,
  call: () => Promise<unknown>,
): Promise<void> {
  await fetch(`${stripe.url}/kill-after`, { method: 'POST', body: `path=${pathOf[verb]}` });
  await expect(call()).rejects.toThrow(PaymentOutcomeUnknownError);
  await until('it has ended', () => stripe.hasEnded);
  await stripe.restart();
}

test.each(['begin', 'capture', 'refund'] as const)(
  '[R1021] [G11] the provider is killed after it has written a %s and before it replies: a repeat has no second effect',
  async (killedAt) => {
    const { stripe, provider } = await newPlace();
    const payments = async () => (await stripeRecords(stripe)).payments;
    const interrupt = async (verb: typeof killedAt, call: () => Promise<unknown>) => {
      if (verb === killedAt) await killedBeforeReply(stripe, verb, call);
    };
    const begin = () => beginWith(provider, paymentKey(orderId, 1, 'begin'));
    await interrupt('begin', begin);
    const { reference, payUrl } = await begin();
    expect(await payments()).toMatchObject([{ reference, orderId, state: 'pending' }]);

    expect((await fetch(payUrl, { method: 'POST', body: `card=${approvedCard}` })).status).toBe(200);
    const capture = () => provider.capture({ key: paymentKey(orderId, 1, 'capture'), reference });
    await interrupt('capture', capture);
    expect(await capture()).toMatchObject({ state: 'captured', capturedMinor: 4_500, refundedMinor: 0 });
    const refund = () => provider.refund({ key: paymentKey(orderId, 1, 'refund'), reference });
    await interrupt('refund', refund);
    expect(await refund()).toMatchObject({ capturedMinor: 4_500, refundedMinor: 4_500 });
    expect(await payments()).toMatchObject([{ reference, capturedMinor: 4_500, refundedMinor: 4_500 }]);
  },
);

test('[R1021] the control: with a new key for each attempt there are two payments', async () => {
  const { stripe, provider } = await newPlace();
  await killedBeforeReply(stripe, 'begin', () => beginWith(provider, 'first attempt'));
  await beginWith(provider, 'second attempt');
  expect((await stripeRecords(stripe)).payments).toHaveLength(2);
});

/** An endpoint of the shop that refuses webhooks until the test accepts them. */
async function newShopEndpoint() {
  const deliveries: PaymentMessage[] = [];
  const state = { takes: false };
  const reader = await providerAt(1);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = reader.readWebhook(Buffer.concat(chunks), request.headers);
      if (message) deliveries.push(message);
      response.writeHead(state.takes ? 200 : 503, { connection: 'close' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const take = () => {
    state.takes = true;
  };
  return { url, deliveries, take };
}

test('[R1022] a signed webhook is repeated until it is acknowledged, also after kill -9 of the provider, and not again', async () => {
  const endpoint = await newShopEndpoint();
  const stripe = await startStripeProcess({ webhooks: { urls: [endpoint.url], secret: webhookSecret } });
  onTestFinished(() => stripe.stop());
  const { reference, payUrl } = await beginWith(await providerAt(stripe.port), 'begin');
  await fetch(payUrl, { method: 'POST', body: `card=${approvedCard}` });
  await until('it was refused twice', () => endpoint.deliveries.length >= 2);
  await stripe.kill();
  const before = endpoint.deliveries.length;
  await stripe.restart();
  await until('it is repeated after the restart', () => endpoint.deliveries.length > before);
  endpoint.take();
  await until('it is acknowledged', async () => (await stripeRecords(stripe)).unacknowledged === 0);
  const { id } = endpoint.deliveries[0] as PaymentMessage;
  for (const message of endpoint.deliveries) {
    expect(message).toMatchObject({ id, orderId, attempt: 1, payment: { reference, state: 'authorised' } });
  }
  await stripe.kill();
  await stripe.restart();
  expect((await stripeRecords(stripe)).unacknowledged).toBe(0);
});

test('[R1020] the control: the audit finds a provider that forgets at kill -9 what it has taken', async () => {
  const shop = await startCheckoutShop({ atEnd: onTestFinished, provider: 'stripe', stripeForgets: true });
  const client = new CheckoutClient(
    shop.bookings.map(({ url }) => url),
    show,
  );
  onTestFinished(() => client.close());
  await buyTickets(client, ['A1', 'A2'], 'ann');
  const record = await shop.settled();
  expect(checkoutProblems(record)).toEqual([]);
  await shop.stripe?.kill();
  await shop.stripe?.restart();
  const payments = (await stripeRecords(shop.stripe as TestServer)).payments;
  expect(checkoutProblems({ ...record, payments })).toEqual([expect.stringMatching(/^money: the provider keeps 0/)]);
});
