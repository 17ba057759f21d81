import { readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, type onTestFinished, test, vi } from 'vitest';
import { startBooking, startNats, startRedis, type TestServer } from '../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { nowMs, until } from './time.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

/** The promise is 5 s; a test machine sometimes pauses. */
const sellsAgainWithinMs = 5_000 + 2_000;

let nats: TestServer;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats?.stop());

/** Starts servers that end with one test. */
function startersFor(atEnd: typeof onTestFinished) {
  return {
    async ownRedis(dir?: string): Promise<{ redis: TestServer; admin: Redis }> {
      const redis = await startRedis(dir ? { dir } : {});
      const admin = new Redis(redis.url);
      atEnd(async () => {
        admin.disconnect();
        await redis.stop();
      });
      return { redis, admin };
    },
    async proxyTo({ port }: TestServer): Promise<TcpProxy> {
      const proxy = await startTcpProxy(port);
      atEnd(() => proxy.close());
      return proxy;
    },
    async bookingAt(port: number, env: NodeJS.ProcessEnv = {}): Promise<TestServer> {
      const options = { redisUrl: `redis://127.0.0.1:${port}`, natsUrl: nats.url, env };
      const booking = await startBooking(options);
      atEnd(() => booking.stop());
      return booking;
    },
  };
}

async function command(booking: TestServer, action: string, seat_id: string, user_id: string) {
  const body = JSON.stringify({ seat_id, user_id });
  const reply = await fetch(`${booking.url}/api/seats/${action}`, { method: 'POST', body });
  const { error } = (await reply.json()) as { error?: { code: string; message: string } };
  return { status: reply.status, code: error?.code, message: error?.message };
}

const ready = async (booking: TestServer) => (await fetch(`${booking.url}/ready`)).status;
const isStale = async (booking: TestServer) =>
  (await fetch(`${booking.url}/api/seats`)).headers.get('x-venue-stale') === 'true';

/** Counts warnings by text from now on, without the start, which warns of slow connections on a busy machine. */
function watchWarnings({ logFile }: TestServer): () => Record<string, number> {
  const begin = statSync(logFile).size;
  return () => {
    const counts: Record<string, number> = {};
    for (const line of readFileSync(logFile).subarray(begin).toString().split('\n').filter(Boolean)) {
      const { level, msg, error } = JSON.parse(line) as { level: string; msg: string; error?: string };
      if (!['warn', 'error', 'fatal'].includes(level)) continue;
      const text = `${msg}: ${error}`;
      counts[text] = (counts[text] ?? 0) + 1;
    }
    return counts;
  };
}

async function sellsAgain(booking: TestServer, seatId: string): Promise<void> {
  const fromMs = nowMs();
  await until('a seat is sold', async () => (await command(booking, 'select', seatId, 'later')).status === 200);
  expect(nowMs() - fromMs).toBeLessThan(sellsAgainWithinMs);
  expect((await command(booking, 'book', seatId, 'later')).status).toBe(200);
  await until('it is ready', async () => (await ready(booking)) === 200);
  expect(await isStale(booking)).toBe(false);
}

describe.concurrent('[R265] a Redis that cannot be written to', () => {
  test('a failover behind a stable name: not ready, stale, one warning; then it sells on the new primary', async ({
    onTestFinished,
  }) => {
    const { ownRedis, proxyTo, bookingAt } = startersFor(onTestFinished);
    const { redis: primary } = await ownRedis();
    const { redis: replica, admin: replicaAdmin } = await ownRedis();
    const primaryAdmin = new Redis(primary.url);
    onTestFinished(() => primaryAdmin.disconnect());
    await replicaAdmin.replicaof('127.0.0.1', primary.port);
    const proxy = await proxyTo(primary);
    const booking = await bookingAt(proxy.port);
    await command(booking, 'select', 'A1', 'ann');
    expect((await command(booking, 'book', 'A1', 'ann')).status).toBe(200);
    const warnings = watchWarnings(booking);
    await until('the replica has it', async () => (await replicaAdmin.get('venue:seq')) === '2');

    await replicaAdmin.replicaof('NO', 'ONE');
    await primaryAdmin.replicaof('127.0.0.1', replica.port);
    await until('it is not ready', async () => (await ready(booking)) === 503);
    expect(await isStale(booking)).toBe(true);
    const refused = await command(booking, 'select', 'A2', 'bob');
    expect(refused).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' });
    expect(refused.message).not.toMatch(/READONLY|replica|redis/i);

    proxy.retarget(replica.port);
    proxy.cut();
    await sellsAgain(booking, 'A3');
    expect(await command(booking, 'select', 'A1', 'mallory')).toMatchObject({ status: 409, code: 'SEAT_BOOKED' });
    const texts = Object.entries(warnings());
    expect(texts.some(([text]) => /replica/i.test(text))).toBe(true);
    for (const [text, count] of texts) expect(count, text).toBe(1);
  });

  test('a failover whose old connections stay open: the READONLY reply alone leads to the new primary', async ({
    onTestFinished,
  }) => {
    const { ownRedis, proxyTo, bookingAt } = startersFor(onTestFinished);
    const { redis: primary, admin } = await ownRedis();
    const { redis: replica, admin: replicaAdmin } = await ownRedis();
    await replicaAdmin.replicaof('127.0.0.1', primary.port);
    const proxy = await proxyTo(primary);
    const booking = await bookingAt(proxy.port);
    await until('the replica is in step', async () => (await replicaAdmin.exists('venue:epoch')) === 1);
    proxy.retarget(replica.port);
    await replicaAdmin.replicaof('NO', 'ONE');
    await admin.replicaof('127.0.0.1', replica.port);
    await sellsAgain(booking, 'A1');
  });

  test('a connection that stays silent is replaced; the control, a client without a socket time-out, keeps it', async ({
    onTestFinished,
  }) => {
    const { ownRedis, proxyTo, bookingAt } = startersFor(onTestFinished);
    const { redis } = await ownRedis();
    const proxy = await proxyTo(redis);
    const booking = await bookingAt(proxy.port);
    const naive = new Redis(`redis://127.0.0.1:${proxy.port}`, { commandTimeout: 1_000, maxRetriesPerRequest: 0 });
    naive.on('error', () => {});
    onTestFinished(() => naive.disconnect());
    await naive.ping();
    const silentSinceMs = nowMs();
    proxy.silence();
    await until('it is not ready', async () => (await ready(booking)) === 503);
    await sellsAgain(booking, 'A1');
    expect(nowMs() - silentSinceMs).toBeLessThan(sellsAgainWithinMs);
    await expect(naive.ping()).rejects.toThrow('timed out');
  });

  test('at its memory limit: not ready and stale; a hold ends, a hold is booked; then it sells', async ({
    onTestFinished,
  }) => {
    const { ownRedis, bookingAt } = startersFor(onTestFinished);
    const { redis, admin } = await ownRedis();
    const booking = await bookingAt(redis.port, { HOLD_SECONDS: '4' });
    const warnings = watchWarnings(booking);
    await command(booking, 'select', 'A1', 'ann');
    await command(booking, 'select', 'A2', 'bob');
    await admin.config('SET', 'maxmemory', '1');
    expect((await command(booking, 'book', 'A1', 'ann')).status).toBe(200);
    const refused = await command(booking, 'select', 'A3', 'carol');
    expect(refused).toMatchObject({ status: 503, code: 'STORE_UNAVAILABLE' });
    expect(refused.message).not.toMatch(/OOM|maxmemory|script|redis/i);
    await until('it is not ready', async () => (await ready(booking)) === 503);
    expect(await isStale(booking)).toBe(true);
    await until('the hold has ended', async () => {
      const seat = JSON.parse((await admin.hget('venue:seats', 'A2')) as string);
      return seat.status === 0;
    });
    await admin.config('SET', 'maxmemory', '0');
    await sellsAgain(booking, 'A3');
    for (const [text, count] of Object.entries(warnings())) expect(count, text).toBe(1);
  });

  test('one that cannot save its data (MISCONF): not ready; then it sells', async ({ onTestFinished }) => {
    const { ownRedis, bookingAt } = startersFor(onTestFinished);
    const dir = await mkdtemp(join(tmpdir(), 'misconf-'));
    const { redis, admin } = await ownRedis(dir);
    const booking = await bookingAt(redis.port);
    const warnings = watchWarnings(booking);
    const inItsPlace = join(dir, 'dump.rdb');
    await mkdir(inItsPlace);
    await admin.config('SET', 'save', '3600 1');
    await admin.bgsave().catch(() => {});
    await until('saving fails', async () => (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'));
    await until('it is not ready', async () => (await ready(booking)) === 503);
    expect((await command(booking, 'select', 'A1', 'ann')).status).toBe(503);
    await rmdir(inItsPlace);
    await admin.config('SET', 'save', '');
    await sellsAgain(booking, 'A1');
    expect(Object.keys(warnings()).join()).toMatch(/cannot save its data/);
  });
});

test.concurrent('[G1] [G12] [R261] keys of a booked seat are deleted under a running process: no other user gets it', async ({
  onTestFinished,
}) => {
  const { ownRedis, bookingAt } = startersFor(onTestFinished);
  const { redis, admin } = await ownRedis();
  const booking = await bookingAt(redis.port);
  await command(booking, 'select', 'A1', 'ann');
  await command(booking, 'book', 'A1', 'ann');
  await admin.del('venue:seats', 'seat:A1:lock');
  expect(await command(booking, 'select', 'A1', 'bob')).toMatchObject({ status: 409, code: 'SEAT_BOOKED' });
  expect(await command(booking, 'book', 'A1', 'bob')).toMatchObject({ status: 409, code: 'SEAT_BOOKED' });
  expect((await command(booking, 'book', 'A1', 'ann')).status).toBe(200);
  const log = readFileSync(booking.logFile, 'utf8');
  expect(log).toMatch(/lost a part of the venue/);
  expect(await (await fetch(`${booking.url}/metrics`)).text()).toMatch(/^booking_seats_withheld 0$/m);
});

test.concurrent('[G1] [G12] [R266] a booked seat is set back in Redis under a running process: it stays booked, and the loss is logged', async ({
  onTestFinished,
}) => {
  const { ownRedis, bookingAt } = startersFor(onTestFinished);
  const { redis, admin } = await ownRedis();
  const booking = await bookingAt(redis.port);
  await command(booking, 'select', 'A1', 'ann');
  await command(booking, 'book', 'A1', 'ann');
  const { epoch } = (await (await fetch(`${booking.url}/api/venue`)).json()) as { epoch: string };
  await admin.hset('venue:seats', 'A1', '{"id":"A1","row":0,"col":0,"status":0,"seq":0}');
  await admin.del('seat:A1:lock');
  expect(await command(booking, 'select', 'A1', 'mallory')).toMatchObject({ status: 409, code: 'SEAT_BOOKED' });
  // No command names this seat: the audit finds it.
  await admin.set('seat:B1:lock', 'zed');
  await until('it is booked', async () => (await command(booking, 'book', 'B1', 'zed')).status === 200);
  const venue = (await (await fetch(`${booking.url}/api/venue`)).json()) as { epoch: string };
  expect(venue.epoch).not.toBe(epoch);
  expect(readFileSync(booking.logFile, 'utf8')).toMatch(/lost a part of the venue/);
});

test.concurrent('[R260] a Redis that begins to evict while it is used is refused by one of the next checks, and logged once', async ({
  onTestFinished,
}) => {
  const { ownRedis, bookingAt } = startersFor(onTestFinished);
  const { redis, admin } = await ownRedis();
  const booking = await bookingAt(redis.port);
  const warnings = watchWarnings(booking);
  await admin.config('SET', 'maxmemory-policy', 'allkeys-random');
  await until('it is not ready', async () => (await ready(booking)) === 503);
  expect((await command(booking, 'select', 'A1', 'ann')).status).toBe(503);
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  await sellsAgain(booking, 'A1');
  const named = Object.entries(warnings()).filter(([text]) => text.includes('allkeys-random'));
  expect(named.length).toBeGreaterThan(0);
  for (const [text, count] of named) expect(count, text).toBe(1);
});
