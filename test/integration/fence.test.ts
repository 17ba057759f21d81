import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { approvedCard, CheckoutClient } from '../../bench/clients/checkout-client.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { patience } from '../support/patience.ts';
import {
  startBooking,
  startNats,
  startPostgres,
  startRedis,
  type TestPostgres,
  type TestServer,
} from '../support/servers.ts';
import { showFile } from '../support/show-files.ts';

const show = 'gala';
let showsDir: string;
let redis: TestServer;
let nats: TestServer;
let postgres: TestPostgres;
let booking: TestServer;
let admin: Redis;

const bookingWith = (options: { database?: TestPostgres; env?: NodeJS.ProcessEnv }) =>
  startBooking({
    redisUrl: redis.url,
    natsUrl: nats.url,
    ...(options.database && { database: options.database }),
    env: { SHOWS_DIR: showsDir, ...options.env },
  });

beforeAll(async () => {
  showsDir = mkdtempSync(join(tmpdir(), 'fence-shows-'));
  writeFileSync(join(showsDir, `${show}.json`), showFile('Gala', { price: 4_500 }));
  [redis, nats, postgres] = await Promise.all([startRedis(), startNats(), startPostgres()]);
  admin = new Redis(redis.url);
  admin.on('error', () => {}); // the test kills the server on purpose
  booking = await bookingWith({ database: postgres, env: { PAYMENT_PROVIDER: 'sandbox' } });
});
afterAll(async () => {
  admin?.disconnect();
  await booking?.stop();
  await Promise.all([redis?.stop(), nats?.stop(), postgres?.stop()]);
  rmSync(showsDir, { recursive: true, force: true });
});

const json = async (path: string, { url } = booking) => {
  const reply = await fetch(`${url}${path}`);
  return { status: reply.status, isStale: reply.headers.has('x-venue-stale'), body: await reply.json() };
};
const hold = (seats: string[], user_id: string, { url } = booking) =>
  fetch(`${url}/api/shows/${show}/holds`, { method: 'POST', body: JSON.stringify({ seats, user_id }) });

async function buy(seats: string[], userId: string): Promise<void> {
  const client = new CheckoutClient([booking.url], show);
  onTestFinished(() => client.close());
  await vi.waitFor(async () => expect((await client.hold(seats, userId)).status).toBe(200), patience);
  const { body: order } = await client.order(seats, userId);
  await client.pay(order?.pay_url ?? '', approvedCard);
  await vi.waitFor(async () => {
    expect((await client.read(order?.id ?? '', userId)).body).toMatchObject({ state: 'issued' });
  }, patience);
}

const bookedSeats = async (server?: TestServer) =>
  ((await json(`/api/shows/${show}/seats`, server)).body as Seat[])
    .filter(({ status }) => status === 2)
    .map(({ id, held_by }) => `${id} ${held_by}`);

test('[R893] [G12] tickets are sold and Redis loses everything: nothing is offered before the ledger has replied, and no seat is sold twice', async () => {
  await buy(['A1', 'A2'], 'ann');
  await buy(['B1'], 'bob');
  await postgres.kill();
  await redis.kill();
  await redis.restart();
  await vi.waitFor(async () => expect(await admin.flushall()).toBe('OK'), patience);

  await vi.waitFor(async () => {
    const { status, body } = await json('/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'unavailable',
      refused_shows: { [show]: expect.stringMatching(/the ledger must tell first .*Postgres is unavailable/) },
    });
  }, patience);
  for (const seats of [['A1'], ['A3'], ['A1', 'B1']]) {
    const reply = await hold(seats, 'mallory');
    expect(reply.status).toBe(503);
    expect(await reply.json()).toMatchObject({ error: { code: 'STORE_UNAVAILABLE', retryable: true } });
  }
  // The map is the last known one, as stale.
  expect(await json(`/api/shows/${show}/seats`)).toMatchObject({ status: 200, isStale: true });
  expect(await bookedSeats()).toEqual(['A1 ann', 'A2 ann', 'B1 bob']);
  expect(await admin.exists(`{${show}}:venue:epoch`)).toBe(0);

  await postgres.restart();
  await vi.waitFor(async () => expect((await json('/ready')).body).toEqual({ status: 'ok', checkout: 'ok' }), patience);
  await vi.waitFor(async () => {
    expect(await json(`/api/shows/${show}/seats`)).toMatchObject({ isStale: false });
  }, patience);
  expect(await bookedSeats()).toEqual(['A1 ann', 'A2 ann', 'B1 bob']);
  for (const seat of ['A1', 'A2', 'B1']) {
    const reply = await hold([seat], 'mallory');
    expect(await reply.json()).toMatchObject({ error: { code: 'SEAT_BOOKED' } });
  }
  await buy(['A3'], 'mallory');
});

test('[R893] the control: a booking process without the ledger offers the seats of tickets again', async () => {
  await booking.stop();
  await admin.flushall();
  const unfenced = await bookingWith({});
  onTestFinished(() => unfenced.stop());
  await vi.waitFor(async () => expect((await hold(['A1'], 'mallory', unfenced)).status).toBe(200), patience);
});
