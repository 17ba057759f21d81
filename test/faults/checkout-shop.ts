import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { CheckoutRecord } from '../../bench/audit/checkout-audit.ts';
import { CheckoutTruth } from '../../bench/audit/checkout-truth.ts';
import { RedisTruth } from '../../bench/audit/redis-truth.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import { startBooking, startNats, startPostgres, startRedis, type TestServer } from '../support/servers.ts';
import { showFile } from '../support/show-files.ts';
import { until } from './time.ts';

export const show = 'gala';
const keyPrefix = keyPrefixOf('', show);
/** The minimum allowed: abandoned orders end soon. */
const paymentSeconds = 60;
/** Until such orders have ended: the time to pay, the hold after it, and retries. */
const settledWithinMs = 240_000;

/** A show that is sold by orders, on real processes. */
export interface CheckoutShop {
  redis: TestServer;
  postgres: TestServer;
  bookings: TestServer[];
  seatIds: string[];
  /** Deletes all data of the show in Redis, at once. */
  loseShow(): Promise<void>;
  /** Waits until nothing is due about any order. */
  settled(): Promise<CheckoutRecord>;
}

export async function startCheckoutShop({ rows = 10, seats = 20 } = {}): Promise<CheckoutShop> {
  const showsDir = mkdtempSync(join(tmpdir(), 'checkout-faults-'));
  onTestFinished(() => rmSync(showsDir, { recursive: true, force: true }));
  writeFileSync(join(showsDir, `${show}.json`), showFile('Gala', { rows, seats, price: 4_500 }));
  const track = async <Server extends TestServer>(starting: Promise<Server>): Promise<Server> => {
    const server = await starting;
    onTestFinished(async () => {
      if (!server.hasEnded) await server.kill('SIGCONT');
      await server.stop();
    });
    return server;
  };
  const [redis, nats, postgres] = await Promise.all([track(startRedis()), track(startNats()), track(startPostgres())]);
  const env = { SHOWS_DIR: showsDir, PAYMENT_PROVIDER: 'sandbox', PAYMENT_SECONDS: String(paymentSeconds) };
  const options = { redisUrl: redis.url, natsUrl: nats.url, database: postgres, env: { ...env, HOLD_SECONDS: '10' } };
  const bookings = await Promise.all([track(startBooking(options)), track(startBooking(options))]);
  const admin = new Redis(redis.url);
  admin.on('error', () => {}); // the test kills the server on purpose
  const truth = new CheckoutTruth({ databaseUrl: postgres.url, redisUrl: redis.url, show });
  onTestFinished(async () => {
    admin.disconnect();
    await truth.close();
  });
  const [first] = bookings;
  await until('the show is open', async () => {
    const reply = await fetch(`${first?.url}/api/shows/${show}/seats`);
    return reply.status === 200;
  });
  return {
    redis,
    postgres,
    bookings,
    seatIds: Array.from({ length: rows * seats }, (_, i) => `${'ABCDEFGHIJ'[i % rows]}${Math.floor(i / rows) + 1}`),
    async loseShow() {
      await admin.eval(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
        0,
        `${keyPrefix}*`,
      );
    },
    async settled() {
      await until('nothing is due', async () => (await truth.dueOrders().catch(() => 1)) === 0, settledWithinMs);
      await until('the show is open', async () => {
        const reply = await fetch(`${first?.url}/api/shows/${show}/seats`);
        return reply.status === 200 && !reply.headers.has('x-venue-stale');
      });
      const seats = new RedisTruth(redis.url, keyPrefix);
      try {
        const record = await seats.record();
        return { orders: await truth.orders(), payments: await truth.payments(), seats: record.seats };
      } finally {
        await seats.close();
      }
    },
  };
}
