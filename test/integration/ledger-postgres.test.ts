import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { PostgresLedger } from '../../src/ledger/postgres-ledger.ts';
import type { LedgerEvent } from '../../src/ledger/seat-history.ts';
import { patience } from '../support/patience.ts';
import {
  startBooking,
  startNats,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestServer,
} from '../support/servers.ts';
import { silent } from '../support/silent.ts';

let redis: TestServer;
let nats: TestServer;
let postgres: TestPostgres;
let bookings: TestServer[];
let ledger: PostgresLedger;
let log: Redis;

beforeAll(async () => {
  [redis, nats, postgres] = await Promise.all([startRedis(), startNats(), startPostgres()]);
  const options = { redisUrl: redis.url, natsUrl: nats.url, database: postgres, env: { SHOWS_DIR: '' } };
  bookings = await Promise.all([startBooking(options), startBooking(options)]);
  ledger = new PostgresLedger({ url: postgres.url, name: 'test', logger: silent });
  log = new Redis(redis.url);
  log.on('error', () => {}); // the test kills the server on purpose
});
afterAll(async () => {
  await ledger?.close();
  log?.disconnect();
  await Promise.all((bookings ?? []).map((booking) => booking.stop()));
  await Promise.all([redis?.stop(), nats?.stop(), postgres?.stop()]);
});

const post = async (booking: TestServer | undefined, action: string, seat_id: string, user_id: string) => {
  const body = JSON.stringify({ seat_id, user_id });
  const reply = await fetch(`${booking?.url}/api/seats/${action}`, { method: 'POST', body });
  return reply.status;
};

/** Holds and releases seats at both processes. */
async function sellAWhile(rounds: number): Promise<void> {
  const one = async (booking: TestServer | undefined, seatId: string) => {
    for (let round = 0; round < rounds; round++) {
      expect(await post(booking, 'select', seatId, `user-${seatId}`)).toBe(200);
      expect(await post(booking, 'release', seatId, `user-${seatId}`)).toBe(200);
    }
  };
  await Promise.all(['A1', 'A2', 'B1', 'B2'].map((seatId, i) => one(bookings[i % 2], seatId)));
}

/** The decisions of Redis, from its log. */
async function decided(): Promise<string[]> {
  const entries = await log.xrange('venue:events', '-', '+');
  return entries.map(([, fields]) => {
    const { type, seat_id, user_id, epoch, seq } = Object.fromEntries(
      fields.flatMap((name, i) => (i % 2 ? [] : [[name, fields[i + 1]]])),
    );
    return [epoch, seq, type, seat_id, user_id].join(' ');
  });
}

const line = ({ epoch, seq, type, seat_id, user_id }: LedgerEvent) => [epoch, seq, type, seat_id, user_id].join(' ');
const kept = async () => (await ledger.eventsAfter('main', undefined, 100_000)).map(line);
const hasAll = () => vi.waitFor(async () => expect(await kept()).toEqual(await decided()), patience);

async function metric(name: string): Promise<number[]> {
  const texts = await Promise.all(bookings.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return texts.map((text) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]));
}

const isReady = () =>
  vi.waitFor(async () => {
    for (const { url } of bookings) expect((await fetch(`${url}/ready`)).status).toBe(200);
  }, patience);

describe('[R732] two booking processes with a ledger', () => {
  test('copy every transition of the show into it, once and in order', async () => {
    await sellAWhile(25);
    expect(await decided()).toHaveLength(200);
    await hasAll();
    await vi.waitFor(async () => expect(await metric('booking_ledger_lag_events')).toEqual([0, 0]), patience);
  });

  test('continue to sell while Postgres is down, report how far behind it is, and catch up', async () => {
    await postgres.kill();
    await sellAWhile(10);
    expect(await post(bookings[0], 'select', 'C1', 'ann')).toBe(200);
    expect(await post(bookings[1], 'book', 'C1', 'ann')).toBe(200);
    // Each process knows the last transition of the other one once it has arrived.
    await vi.waitFor(async () => expect(await metric('booking_ledger_lag_events')).toEqual([82, 82]), patience);
    await vi.waitFor(async () => {
      for (const lag of await metric('booking_ledger_lag_seconds')) expect(lag).toBeGreaterThan(0.5);
    }, patience);
    await isReady(); // also for /ready
    await postgres.restart();
    await hasAll();
    await vi.waitFor(async () => {
      expect(await metric('booking_ledger_lag_events')).toEqual([0, 0]);
      expect(await metric('booking_ledger_lag_seconds')).toEqual([0, 0]);
    }, patience);
    expect(await ledger.restorable('main')).toEqual([{ seatId: 'C1', userId: 'ann' }]);
  });

  test('continue in the epoch after a restart of Redis, and copy the rest of the previous one', async () => {
    await postgres.kill();
    await sellAWhile(5);
    await redis.kill();
    await redis.restart();
    await isReady();
    await sellAWhile(5);
    await postgres.restart();
    await hasAll();
    expect(new Set((await kept()).map((each) => each.split(' ')[0])).size).toBe(2);
  });

  test('continue after one of them was killed', async () => {
    const [first] = bookings;
    await first?.kill();
    onTestFinished(async () => {
      await first?.restart();
    });
    for (let round = 0; round < 10; round++) {
      await post(bookings[1], 'select', 'D1', 'eve');
      await post(bookings[1], 'release', 'D1', 'eve');
    }
    await hasAll();
  });
});
