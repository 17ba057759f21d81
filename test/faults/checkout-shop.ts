import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { onTestFinished } from 'vitest';
import type { CheckoutRecord } from '../../bench/audit/checkout-audit.ts';
import { CheckoutTruth } from '../../bench/audit/checkout-truth.ts';
import { RedisTruth } from '../../bench/audit/redis-truth.ts';
import type { BookingOptions } from '../../src/launch/node-services.ts';
import { present } from '../../src/process/present.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import {
  freePort,
  startBooking,
  startNats,
  startPostgres,
  startRedis,
  startStripeProcess,
  type TestServer,
} from '../support/servers.ts';
import { showFile } from '../support/show-files.ts';
import type { StripeRecords } from '../support/stripe-stand-in.ts';
import { until } from './time.ts';

export const show = 'gala';
const keyPrefix = keyPrefixOf('', show);
/** The minimum allowed: abandoned orders end soon. */
const paymentSeconds = 60;
/** Until such orders have ended: the time to pay, the hold after it, and retries. */
const settledWithinMs = 240_000;
const webhookSecret = 'whsec_of_the_test';

export interface CheckoutShopOptions {
  /** Tests that run at the same time have one each. */
  atEnd: typeof onTestFinished;
  /** `sandbox`: in the booking processes. `stripe`: a process of its own. */
  provider: 'sandbox' | 'stripe';
  /** The state of Stripe ends with its process. */
  stripeForgets?: boolean;
  rows?: number;
  seats?: number;
  /** In place of a Redis of its own: where the booking processes and the audit find it. The caller stops it. */
  redisUrl?: string;
  /** In place of a Postgres of its own. The caller stops it. */
  database?: NonNullable<BookingOptions['database']>;
}

/** A show that is sold by orders, on real processes. */
export interface CheckoutShop {
  showsDir: string;
  /** undefined: the caller's. */
  redis: TestServer | undefined;
  /** undefined: the caller's. */
  postgres: TestServer | undefined;
  /** undefined: the sandbox is in the booking processes. */
  stripe: TestServer | undefined;
  bookings: TestServer[];
  seatIds: string[];
  /** Deletes all data of the show in Redis, at once. */
  loseShow(): Promise<void>;
  /** The present state of the ledger, the provider and Redis. */
  record(): Promise<CheckoutRecord>;
  /** The same, once nothing is due about any order, and Stripe has no webhook left to deliver. */
  settled(): Promise<CheckoutRecord>;
  /** The number of transitions that Redis has decided. */
  seq(): Promise<number>;
}

export async function startCheckoutShop({
  atEnd,
  provider,
  stripeForgets = false,
  rows = 10,
  seats = 20,
  redisUrl: givenRedisUrl,
  database: givenDatabase,
}: CheckoutShopOptions): Promise<CheckoutShop> {
  const showsDir = mkdtempSync(join(tmpdir(), 'checkout-faults-'));
  atEnd(() => rmSync(showsDir, { recursive: true, force: true }));
  writeFileSync(join(showsDir, `${show}.json`), showFile('Gala', { rows, seats, price: 4_500 }));
  const track = async <Server extends TestServer>(starting: Promise<Server>): Promise<Server> => {
    const server = await starting;
    atEnd(async () => {
      if (!server.hasEnded) await server.kill('SIGCONT');
      await server.stop();
    });
    return server;
  };
  const [redis, nats, postgres, stripePort] = await Promise.all([
    givenRedisUrl === undefined ? track(startRedis()) : undefined,
    track(startNats()),
    givenDatabase === undefined ? track(startPostgres()) : undefined,
    freePort(),
  ]);
  const redisUrl = redis?.url ?? givenRedisUrl ?? '';
  const database = present(postgres ?? givenDatabase, 'a database');
  const env = {
    SHOWS_DIR: showsDir,
    PAYMENT_PROVIDER: provider,
    PAYMENT_SECONDS: String(paymentSeconds),
    HOLD_SECONDS: '10',
    ...(provider === 'stripe' && {
      STRIPE_SECRET_KEY: 'sk_test_of_the_test',
      STRIPE_WEBHOOK_SECRET: webhookSecret,
      STRIPE_API_URL: `http://127.0.0.1:${stripePort}`,
      SHOP_URL: 'https://shop.example',
    }),
  };
  const options = { redisUrl, natsUrl: nats.url, database, env };
  const bookings = await Promise.all([track(startBooking(options)), track(startBooking(options))]);
  const urls = bookings.map(({ url }) => `${url}/api/payments/stripe/webhook`);
  const stripe =
    provider === 'stripe'
      ? await track(
          startStripeProcess({ port: stripePort, webhooks: { urls, secret: webhookSecret }, forgets: stripeForgets }),
        )
      : undefined;
  const admin = new Redis(redisUrl);
  admin.on('error', () => {}); // the test kills the server on purpose
  const sandboxRedisUrl = provider === 'sandbox' ? redisUrl : undefined;
  const truth = new CheckoutTruth({ databaseUrl: database.url, redisUrl: sandboxRedisUrl, show });
  atEnd(async () => {
    admin.disconnect();
    await truth.close();
  });
  const isOpen = async () => {
    const reply = await fetch(`${bookings[0]?.url}/api/shows/${show}/seats`);
    return reply.status === 200 && !reply.headers.has('x-venue-stale');
  };
  await until('the show is open', isOpen);
  const record = async (): Promise<CheckoutRecord> => {
    const seats = new RedisTruth(redisUrl, keyPrefix);
    try {
      const payments = stripe ? (await stripeRecords(stripe)).payments : await truth.payments();
      return { orders: await truth.orders(), payments, seats: (await seats.record()).seats };
    } finally {
      await seats.close();
    }
  };
  return {
    showsDir,
    redis,
    postgres,
    stripe,
    bookings,
    seatIds: Array.from({ length: rows * seats }, (_, i) => `${'ABCDEFGHIJ'[i % rows]}${Math.floor(i / rows) + 1}`),
    async loseShow() {
      await admin.eval(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
        0,
        `${keyPrefix}*`,
      );
    },
    record,
    async settled() {
      await until('nothing is due', async () => (await truth.dueOrders().catch(() => 1)) === 0, settledWithinMs);
      await until('the show is open', isOpen);
      if (stripe) {
        const isDelivered = async () => (await stripeRecords(stripe)).unacknowledged === 0;
        await until('every webhook is acknowledged', isDelivered);
      }
      return record();
    },
    seq: async () => Number(await admin.get(`${keyPrefix}venue:seq`)),
  };
}

/** The state of Stripe, read past every link that a test makes fail. */
export async function stripeRecords({ url }: TestServer): Promise<StripeRecords> {
  const reply = await fetch(`${url}/records`);
  return (await reply.json()) as StripeRecords;
}
