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
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { buyTickets } from './buy-tickets.ts';
import { problemsOf, show, startCheckoutShop, stripeRecords } from './checkout-shop.ts';
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

/** Stripe behind a link that can lose replies. */
async function newPlace(): Promise<{ stripe: TestServer; link: TcpProxy; provider: PaymentProvider }> {
  const stripe = await startStripeProcess();
  const link = await startTcpProxy(stripe.port);
  onTestFinished(async () => {
    await link.close();
    await stripe.stop();
  });
  return { stripe, link, provider: await providerAt(link.port) };
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

/** Stripe writes the effect of the call and is killed before its reply arrives; then it starts again. */
async function killedBeforeReply(
  { stripe, link }: { stripe: TestServer; link: TcpProxy },
  call: () => Promise<unknown>,
  isWritten: () => Promise<boolean>,
): Promise<void> {
  link.swallowReplies(true);
  const outcome = call().then(
    () => undefined,
    (error: unknown) => error,
  );
  await until('Stripe has written it', isWritten);
  await stripe.kill();
  link.swallowReplies(false);
  expect(await outcome).toBeInstanceOf(PaymentOutcomeUnknownError);
  await stripe.restart();
}

test.each(['begin', 'capture', 'refund'] as const)(
  '[R1021] [G11] the provider is killed after it has written a %s and before it replies: a repeat has no second effect',
  async (killedAt) => {
    const place = await newPlace();
    const { stripe, provider } = place;
    const payments = async () => (await stripeRecords(stripe)).payments;
    const interrupt = async (
      verb: typeof killedAt,
      call: () => Promise<unknown>,
      isWritten: () => Promise<boolean>,
    ) => {
      if (verb === killedAt) await killedBeforeReply(place, call, isWritten);
    };
    const begin = () => beginWith(provider, paymentKey(orderId, 1, 'begin'));
    await interrupt('begin', begin, async () => (await payments()).length === 1);
    const { reference, payUrl } = await begin();
    expect(await payments()).toMatchObject([{ reference, orderId, state: 'pending' }]);

    expect((await fetch(payUrl, { method: 'POST', body: `card=${approvedCard}` })).status).toBe(200);
    const capture = () => provider.capture({ key: paymentKey(orderId, 1, 'capture'), reference });
    await interrupt('capture', capture, async () => (await payments())[0]?.state === 'captured');
    expect(await capture()).toMatchObject({ state: 'captured', capturedMinor: 4_500, refundedMinor: 0 });
    const refund = () => provider.refund({ key: paymentKey(orderId, 1, 'refund'), reference });
    await interrupt('refund', refund, async () => (await payments())[0]?.refundedMinor === 4_500);
    expect(await refund()).toMatchObject({ capturedMinor: 4_500, refundedMinor: 4_500 });
    expect(await payments()).toMatchObject([{ reference, capturedMinor: 4_500, refundedMinor: 4_500 }]);
  },
);

test('[R1021] the control: with a new key for each attempt there are two payments', async () => {
  const place = await newPlace();
  const payments = async () => (await stripeRecords(place.stripe)).payments;
  await killedBeforeReply(
    place,
    () => beginWith(place.provider, 'first attempt'),
    async () => (await payments()).length === 1,
  );
  await beginWith(place.provider, 'second attempt');
  expect(await payments()).toHaveLength(2);
});

/** An endpoint of the shop that refuses webhooks until it is told to take them. */
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

/** A ticket is sold; then the provider is killed, and starts again. */
async function problemsAfterKill(options: { stripeForgets: boolean }): Promise<string[]> {
  const shop = await startCheckoutShop({ atEnd: onTestFinished, provider: 'stripe', ...options });
  const client = new CheckoutClient(
    shop.bookings.map(({ url }) => url),
    show,
  );
  onTestFinished(() => client.close());
  await buyTickets(client, ['A1', 'A2'], 'ann');
  expect(problemsOf(await shop.settled())).toEqual([]);
  await shop.stripe?.kill();
  await shop.stripe?.restart();
  return problemsOf(await shop.settled());
}

test('[R1020] [G11] ledger, Redis and the provider agree after kill -9 of the provider', async () => {
  expect(await problemsAfterKill({ stripeForgets: false })).toEqual([]);
});

test('[R1020] the control: the audit finds a provider that forgets what it has taken', async () => {
  expect(await problemsAfterKill({ stripeForgets: true })).toEqual([
    expect.stringMatching(/^money: the provider keeps 0/),
  ]);
});
