import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import type { ErrorReply, HoldReply } from '../../src/protocol/commands.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { readShow } from '../../src/shows/read-shows.ts';
import { startBooking, startNats, startRedis, type TestServer } from '../support/servers.ts';

const { plan } = readShow('shows/arena.json');
const users = 500;
const isReserved = (id: string) => {
  const index = plan.indexOf(id) ?? -1;
  return plan.has(index, 'accessible') || plan.has(index, 'companion');
};

interface Party {
  userId: string;
  count: number;
  accessible: boolean;
}

interface Outcome extends Party {
  status: number;
  reply: HoldReply | ErrorReply;
  ms: number;
}

/** All users send at the same moment, each on its own connection, spread over the processes. */
async function rush(bookings: readonly TestServer[], parties: readonly Party[]): Promise<Outcome[]> {
  const pools = bookings.map(({ url }) => new Pool(url, { connections: users }));
  onTestFinished(async () => {
    await Promise.all(pools.map((pool) => pool.destroy()));
  });
  const ask = async (party: Party, i: number): Promise<Outcome> => {
    const { userId: user_id, count, accessible } = party;
    const startMs = performance.now();
    const { statusCode, body } = await (pools[i % pools.length] as Pool).request({
      method: 'POST',
      path: '/api/shows/arena/holds',
      body: JSON.stringify({ best: { count, ...(accessible && { accessible }) }, user_id }),
    });
    const reply = (await body.json()) as HoldReply | ErrorReply;
    return { ...party, status: statusCode, reply, ms: performance.now() - startMs };
  };
  return Promise.all(parties.map(ask));
}

test.each([1, 2])(
  '[R624] [G1] 500 users want the best 2 to 4 seats of the arena at once, at %i booking processes: 95 % have them at the first reply',
  async (processes) => {
    const [redis, nats] = await Promise.all([startRedis(), startNats()]);
    const links = { redisUrl: redis.url, natsUrl: nats.url, env: { HOLD_SECONDS: '300' } };
    const bookings = await Promise.all(Array.from({ length: processes }, () => startBooking(links)));
    const admin = new Redis(redis.url);
    onTestFinished(async () => {
      admin.disconnect();
      await Promise.all([...bookings, redis, nats].map((server) => server.stop()));
    });
    for (const { url } of bookings) expect((await fetch(`${url}/api/shows/arena`)).status).toBe(200);
    const parties = Array.from({ length: users }, (_, i) => {
      return { userId: `user-${i}`, count: 2 + (i % 3), accessible: i % 25 === 0 };
    });
    const startMs = performance.now();
    const outcomes = await rush(bookings, parties);
    const tookMs = performance.now() - startMs;

    const got = outcomes.filter(({ reply }) => reply.success);
    const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
    const at = (share: number) => (times[Math.ceil(share * times.length) - 1] ?? 0).toFixed(0);
    const codes = outcomes.flatMap(({ reply }) => (reply.success ? [] : [reply.error.code]));
    process.stdout.write(
      `best available: ${users} users at ${processes} processes in ${tookMs.toFixed(0)} ms: ${((100 * got.length) / users).toFixed(1)} % at the first reply, ` +
        `median ${at(0.5)} ms, p99 ${at(0.99)} ms, refused: ${codes.join(' ') || 'none'}\n`,
    );
    expect(got.length / users).toBeGreaterThanOrEqual(0.95);

    // Redis has exactly what the replies say, so no seat was given twice.
    const stored = Object.values(await admin.hgetall('{arena}:venue:seats')).map((json) => JSON.parse(json) as Seat);
    const inRedis = stored.flatMap(({ id, status, held_by }) =>
      status === SeatStatus.held ? [`${id} ${held_by}`] : [],
    );
    const inReplies = got.flatMap(({ userId, reply }) => (reply.seats ?? []).map(({ id }) => `${id} ${userId}`));
    expect(inRedis.sort()).toEqual(inReplies.sort());
    for (const { count, accessible, reply } of got) {
      const ids = (reply.seats ?? []).map(({ id }) => id);
      expect(ids).toHaveLength(count);
      if (!accessible) expect(ids.filter(isReserved)).toEqual([]);
      else expect(ids.filter((id) => plan.has(plan.indexOf(id) ?? -1, 'accessible'))).toHaveLength(1);
    }
  },
  90_000,
);
