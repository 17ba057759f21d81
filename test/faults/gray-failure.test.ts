import { expect, onTestFinished, test, vi } from 'vitest';
import type { Booker } from './booker.ts';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { type FaultVenue, sharedFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { nowMs, until } from './time.ts';
import { VenueClient } from './venue-client.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const commands = 50;
const seatIds = Array.from(
  { length: commands },
  (_, i) => `${String.fromCharCode(65 + Math.floor(i / 20))}${(i % 20) + 1}`,
);

/** Two booking processes, the first of which the edge prefers; its connection to Redis is the one to break. */
const freshVenue = sharedFaultVenue({ edges: 1, holdSeconds: 60, withNginx: true });

async function liveUser(venue: FaultVenue): Promise<VenueClient> {
  const user = new VenueClient({ userId: 'alice', urls: venue.edges.map(({ url }) => url) });
  onTestFinished(() => user.close());
  await until('alice is live', () => user.isLive);
  return user;
}

function httpUser(url: string): HttpBooker {
  const user = new HttpBooker({ userId: 'bob', urls: [url] });
  onTestFinished(() => user.close());
  return user;
}

async function becomesUnready(venue: FaultVenue): Promise<void> {
  await until('the process knows', async () => (await fetch(`${venue.bookings[0]?.url}/ready`)).status === 503);
}

/** The number of decisions, the longest wait, and the number of long waits. */
async function selectAll(user: Booker, seats: readonly string[]) {
  let decided = 0;
  const waitsMs: number[] = [];
  for (const seat of seats) {
    const startMs = nowMs();
    if ((await user.ask('select', seat)).kind === 'decided') decided++;
    waitsMs.push(nowMs() - startMs);
  }
  return { decided, longestMs: Math.max(...waitsMs), slow: waitsMs.filter((ms) => ms > 900).length };
}

test('[R280] [R281] [G7] two booking processes, one without Redis: the other one replies to every command and read', async () => {
  const venue = await freshVenue();
  const alice = await liveUser(venue);
  const bob = httpUser(venue.nginx?.url ?? '');
  venue.links.bookingToRedis[0]?.drop();
  await becomesUnready(venue);
  expect((await selectAll(alice, seatIds)).decided, 'over WebSocket').toBe(commands);
  expect((await selectAll(bob, seatIds)).decided, 'through nginx').toBe(commands);
  for (let i = 0; i < commands; i++) expect(await bob.read(), 'a read is not stale').toHaveLength(400);
  expect(alice.counts.staleStates).toBe(0);
});

test('[R280] [R281] [G7] the same if its connection to Redis goes silent: each command in time, most of them at once', async () => {
  const venue = await freshVenue();
  const alice = await liveUser(venue);
  const bob = httpUser(venue.nginx?.url ?? '');
  venue.links.bookingToRedis[0]?.hang();
  const few = seatIds.slice(0, 20);
  const [overEdge, overNginx] = await Promise.all([selectAll(alice, few), selectAll(bob, few)]);
  expect([overEdge.decided, overNginx.decided]).toEqual([few.length, few.length]);
  expect(overEdge.longestMs).toBeLessThan(2_800);
  expect(overNginx.longestMs).toBeLessThan(5_000);
  expect([overEdge.slow, overNginx.slow].map((slow) => slow <= few.length / 4)).toEqual([true, true]);
});

/** The control: prefers the process that replied last, whatever its reply. */
class LastAnswerBooker implements Booker {
  readonly userId = 'carol';
  readonly #urls: readonly string[];
  #preferred = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  async ask(...[action, seatId]: Parameters<Booker['ask']>): ReturnType<Booker['ask']> {
    for (let i = 0; i < this.#urls.length; i++) {
      const index = (this.#preferred + i) % this.#urls.length;
      const response = await fetch(`${this.#urls[index]}/api/seats/${action}`, {
        method: 'POST',
        body: JSON.stringify({ seat_id: seatId, user_id: this.userId }),
      }).catch(() => undefined);
      if (!response) continue;
      this.#preferred = index;
      if (response.status < 500) return { kind: 'decided' };
      break;
    }
    return { kind: 'unknown', code: 'STORE_UNAVAILABLE', retryable: true };
  }
}

test('the control: a client that prefers the process that replied last fails every time', async () => {
  const venue = await freshVenue();
  venue.links.bookingToRedis[0]?.drop();
  await becomesUnready(venue);
  const carol = new LastAnswerBooker(venue.bookings.map(({ url }) => url));
  expect((await selectAll(carol, seatIds)).decided).toBe(0);
});
