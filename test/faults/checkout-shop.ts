import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { CheckoutRecord } from '../../bench/audit/checkout-audit.ts';
import { CheckoutTruth } from '../../bench/audit/checkout-truth.ts';
import { RedisTruth } from '../../bench/audit/redis-truth.ts';
import type { BookingOptions } from '../../src/launch/node-services.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import { startBooking, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { showFile } from '../support/show-files.ts';
import { until } from './time.ts';

export const show = 'gala';
const keyPrefix = keyPrefixOf('', show);
/** The least that is allowed: orders that were left end soon. */
const paymentSeconds = 60;
/** Until such orders have ended: the time to pay, the hold after it, and retries. */
const settledWithinMs = 240_000;

/** Ends with the test. */
export async function tracked<Server extends TestServer>(starting: Promise<Server>): Promise<Server> {
  const server = await starting;
  onTestFinished(async () => {
    if (!server.hasEnded) await server.kill('SIGCONT');
    await server.stop();
  });
  return server;
}

/** A show that is sold by orders, on real processes. */
export interface CheckoutShop {
  redis: TestServer;
  bookings: TestServer[];
  seatIds: string[];
  /** Deletes everything that Redis knows of the show, at once. */
  loseShow(): Promise<void>;
  /** What the ledger, the provider and Redis have now. */
  record(): Promise<CheckoutRecord>;
  /** The same, once nothing is due about any order. */
  settled(): Promise<CheckoutRecord>;
  /** The number of transitions that Redis has decided. */
  seq(): Promise<number>;
}

interface CheckoutShopOptions {
  database: NonNullable<BookingOptions['database']>;
  rows?: number;
  seats?: number;
}

export async function startCheckoutShop({
  database,
  rows = 10,
  seats = 20,
}: CheckoutShopOptions): Promise<CheckoutShop> {
  const showsDir = mkdtempSync(join(tmpdir(), 'checkout-faults-'));
  onTestFinished(() => rmSync(showsDir, { recursive: true, force: true }));
  writeFileSync(join(showsDir, `${show}.json`), showFile('Gala', { rows, seats, price: 4_500 }));
  const [redis, nats] = await Promise.all([tracked(startRedis()), tracked(startNats())]);
  const env = { SHOWS_DIR: showsDir, PAYMENT_PROVIDER: 'sandbox', PAYMENT_SECONDS: String(paymentSeconds) };
  const options = { redisUrl: redis.url, natsUrl: nats.url, database, env: { ...env, HOLD_SECONDS: '10' } };
  const bookings = await Promise.all([tracked(startBooking(options)), tracked(startBooking(options))]);
  const admin = new Redis(redis.url);
  admin.on('error', () => {}); // the test kills the server on purpose
  const truth = new CheckoutTruth({ databaseUrl: database.url, redisUrl: redis.url, show });
  onTestFinished(async () => {
    admin.disconnect();
    await truth.close();
  });
  const [first] = bookings;
  await until('the show is open', async () => {
    const reply = await fetch(`${first?.url}/api/shows/${show}/seats`);
    return reply.status === 200;
  });
  const record = async (): Promise<CheckoutRecord> => {
    const venue = new RedisTruth(redis.url, keyPrefix);
    try {
      const { seats: seatStates } = await venue.record();
      return { orders: await truth.orders(), payments: await truth.payments(), seats: seatStates };
    } finally {
      await venue.close();
    }
  };
  return {
    redis,
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
      await until('the show is open', async () => {
        const reply = await fetch(`${first?.url}/api/shows/${show}/seats`);
        return reply.status === 200 && !reply.headers.has('x-venue-stale');
      });
      return record();
    },
    seq: async () => Number(await admin.get(`${keyPrefix}venue:seq`)),
  };
}
