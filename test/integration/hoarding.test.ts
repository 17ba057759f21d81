import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ErrorReply } from '../../src/protocol/commands.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { SessionReply } from '../../src/protocol/session.ts';
import { startVenue } from '../support/venue.ts';

// One machine with a thousand guest sessions holds every free seat, again and again, and books nothing; a user
// at another address wants a seat now and then. This prints the figures of docs/security.md.

const seatCount = 100;
const sessionsWanted = 1_000;
const holdSeconds = 2;
const attackMs = 4_000;
const patience = { timeout: 120_000 };

interface Figures {
  sessions: number;
  /** Of all seats, on average, and at most. */
  shareHeld: number;
  mostHeld: number;
  honestGot: number;
  honestTried: number;
  refusals: Record<string, number>;
}

async function hoard(env: NodeJS.ProcessEnv): Promise<Figures> {
  const venue = await startVenue({
    edges: 1,
    env: { AUTH_MODE: 'required', HOLD_SECONDS: String(holdSeconds), RATE_LIMIT: 'on', ...env },
  });
  const from = (localAddress: string) => new Pool(venue.url, { connections: 32, localAddress });
  // Not through nginx, so that reads do not count against any address.
  const watcher = new Pool(venue.bookings[0]?.url as string);
  const [attacker, honest] = [from('127.0.0.1'), from('127.0.0.2')];
  onTestFinished(async () => {
    await Promise.all([attacker, honest, watcher].map((pool) => pool.destroy()));
    await venue.stop();
  });

  const ask = async <Reply>(pool: Pool, path: string, token?: string, body?: object) => {
    const { statusCode, body: answer } = await pool.request({
      path,
      method: path === '/api/seats' ? 'GET' : 'POST',
      headers: token ? { authorization: `Bearer ${token}` } : {},
      body: body ? JSON.stringify(body) : null,
    });
    return { status: statusCode, reply: (await answer.json()) as Reply };
  };
  const begin = (pool: Pool) => ask<Required<SessionReply>>(pool, '/api/session');
  const select = (pool: Pool, token: string, seat_id: string) =>
    ask<Partial<ErrorReply>>(pool, '/api/seats/select', token, { seat_id });
  const seats = async () => {
    const { status, reply } = await ask<Seat[]>(watcher, '/api/seats');
    if (status !== 200) throw new Error(JSON.stringify(reply));
    return reply;
  };

  const begun: Required<SessionReply>[] = [];
  for (let i = 0; i < sessionsWanted; i += 20) {
    const replies = await Promise.all(Array.from({ length: 20 }, () => begin(attacker)));
    begun.push(...replies.filter(({ status }) => status === 200).map(({ reply }) => reply));
    if (begun.length < i) break; // no more sessions this minute
  }
  const buyer = (await begin(honest)).reply;
  const own = new Set(begun.map(({ user_id }) => user_id));

  const endMs = performance.now() + attackMs;
  const isOn = () => performance.now() < endMs;
  const refusals: Record<string, number> = {};
  let next = 0;
  const attack = async () => {
    while (isOn()) {
      const free = (await seats()).filter(({ status }) => status === 0);
      await Promise.all(
        free.map(async ({ id }) => {
          const { token } = begun[next++ % begun.length] as Required<SessionReply>;
          const code = (await select(attacker, token, id)).reply.error?.code;
          if (code) refusals[code] = (refusals[code] ?? 0) + 1;
        }),
      );
      await delay(100);
    }
  };
  const held: number[] = [];
  const watch = async () => {
    while (isOn()) {
      held.push((await seats()).filter(({ held_by }) => held_by && own.has(held_by)).length);
      await delay(50);
    }
  };
  let [honestGot, honestTried] = [0, 0];
  const buy = async () => {
    while (isOn()) {
      await delay(250 * Math.random());
      const seat_id = `${'ABCDEFGHIJ'[Math.floor(Math.random() * 10)]}${1 + Math.floor(Math.random() * 10)}`;
      honestTried++;
      if ((await select(honest, buyer.token, seat_id)).status !== 200) continue;
      honestGot++;
      await ask(honest, '/api/seats/release', buyer.token, { seat_id });
    }
  };
  await Promise.all([attack(), watch(), buy()]);
  const shareHeld = held.reduce((sum, count) => sum + count, 0) / held.length / seatCount;
  return { sessions: begun.length, shareHeld, mostHeld: Math.max(...held), honestGot, honestTried, refusals };
}

function report(what: string, { sessions, shareHeld, mostHeld, honestGot, honestTried, refusals }: Figures): void {
  const told = Object.entries(refusals).map(([code, count]) => `${code} ${count}`);
  process.stdout.write(
    `hoarding, ${what}: ${sessions} sessions held ${Math.round(shareHeld * 100)} of ${seatCount} seats on average, ${mostHeld} at most; ` +
      `of ${honestTried} clicks of somebody else ${honestGot} got a seat; refused: ${told.join(', ') || 'nothing'}\n`,
  );
}

/** An attacker with unlimited time to start sessions. */
const withTime = { SESSIONS_PER_MINUTE_PER_ADDRESS: '1000', REQUESTS_PER_SECOND_PER_ADDRESS: '1000' };

describe('[R240] [G9] one machine with a thousand sessions', () => {
  test('the control: without limits it keeps the whole venue', patience, async () => {
    const figures = await hoard({ RATE_LIMIT: 'off' });
    report('no limits', figures);
    expect(figures.sessions).toBe(sessionsWanted);
    expect(figures.shareHeld).toBeGreaterThan(0.7);
  });

  test('with the default settings it gets few sessions, and a limited number of seats', patience, async () => {
    const figures = await hoard({});
    report('the defaults', figures);
    expect(figures.sessions).toBeLessThanOrEqual(300);
    expect(figures.mostHeld).toBeLessThanOrEqual(30);
    expect(figures.honestGot).toBeGreaterThan(0);
  });

  test('with all its sessions, started over an hour, it gets no more seats', patience, async () => {
    const figures = await hoard(withTime);
    report('the defaults, sessions begun before', figures);
    expect(figures.sessions).toBeGreaterThan(0.9 * sessionsWanted);
    expect(figures.mostHeld).toBeLessThanOrEqual(30);
    expect(figures.refusals.RATE_LIMITED).toBeGreaterThan(0);
    expect(figures.honestGot).toBeGreaterThan(0);
  });

  test('with a cool-down alone it changes sessions: only the limit of its address stops it', patience, async () => {
    const figures = await hoard({ ...withTime, HOLDS_PER_ADDRESS: '100000', REHOLD_COOLDOWN_MS: '60000' });
    report('a cool-down and no limit of holds', figures);
    expect(figures.mostHeld).toBeGreaterThan(60);
  });
});
