import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { startRedis } from '../support/servers.ts';
import { type AnswersVerdict, auditAnswers } from './audit.ts';
import type { Booker } from './booker.ts';
import { faultTestTimeoutMs } from './expect-proven.ts';
import { startFaultVenue } from './fault-venue.ts';
import { HttpBooker } from './http-booker.ts';
import { Load } from './load.ts';
import { NaiveBooker } from './naive-booker.ts';
import { proofLine } from './proof-line.ts';
import { chosenSeed } from './seeded-random.ts';

vi.setConfig({ testTimeout: faultTestTimeoutMs });

const holdMs = 10_000;
const layout = { rows: 20, cols: 20 };
const seatIds = [...emptySeats(gridPlan(layout))].map(({ id }) => id);
const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
const processes = 2;
const decisions = 3_000;
const maxNaiveRaces = 4;

/** The same users and seats for both bookings. */
async function race(store: string, bookers: readonly Booker[], seed: number): Promise<AnswersVerdict> {
  const load = new Load({
    bookers,
    seatIds,
    seed,
    hotSeats: 3,
    thinkMs: 0,
    bookedShare: 0.7,
    abandonedShare: 0,
  });
  load.start();
  await load.decides(decisions, 60_000);
  await load.stop();
  const verdict = auditAnswers(load.operations, holdMs);
  proofLine({ control: 'races', store, seed, operations: load.operations.length, ...verdict });
  return verdict;
}

async function naiveBookers(): Promise<Booker[]> {
  const redis = await startRedis();
  // As from a pool: the request of one user does not wait for another's.
  const connections = users.map(() => new Redis(redis.url));
  onTestFinished(async () => {
    for (const connection of connections) connection.disconnect();
    await redis.stop();
  });
  const [first] = connections as [Redis, ...Redis[]];
  await first.hset(
    'venue:seats',
    Object.fromEntries([...emptySeats(gridPlan(layout))].map((seat) => [seat.id, JSON.stringify(seat)])),
  );
  return users.map((userId, i) => new NaiveBooker({ userId, redis: connections[i] as Redis, holdMs }));
}

async function ourBookers(): Promise<Booker[]> {
  const { bookings } = await startFaultVenue({ ...layout, bookings: processes, edges: 0, holdSeconds: holdMs / 1000 });
  const urls = bookings.map(({ url }) => url);
  const bookers = users.map((userId, i) => new HttpBooker({ userId, urls, startAt: i }));
  onTestFinished(async () => {
    await Promise.all(bookers.map((booker) => booker.close()));
  });
  return bookers;
}

test('[G1] the control: the auditor catches the races that a naive booking loses; ours loses none', async () => {
  const seed = chosenSeed();
  let naive = await race('naive', await naiveBookers(), seed);
  // A race depends on luck: a run that sold nothing twice is repeated.
  for (let i = 1; i < maxNaiveRaces && naive.doubleSold === 0; i++) {
    naive = await race('naive', await naiveBookers(), seed + i);
  }
  const ours = await race('ours', await ourBookers(), seed);
  expect(naive.doubleSold, 'seats that the naive one sells twice').toBeGreaterThan(0);
  expect(naive.notLinearizable).toBeGreaterThan(0);
  expect(ours.seatsSold).toBeGreaterThan(0);
  expect([ours.doubleSold, ours.notLinearizable]).toEqual([0, 0]);
});
