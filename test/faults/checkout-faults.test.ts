import { expect, test } from 'vitest';
import { Random } from '../simulation/random.ts';
import { startPostgres, type TestServer } from '../support/servers.ts';
import { buyUntil, type Checkout, issuedOf } from './checkout-load.ts';
import { checkoutProblems, lostOrders } from './checkout-problems.ts';
import { type CheckoutShop, startCheckoutShop, tracked } from './checkout-shop.ts';
import { proofLine } from './proof-line.ts';
import { chosenSeed } from './seeded-random.ts';
import { nowMs, pause } from './time.ts';

/** Each run of the suite; more for a proof. */
const checkouts = Number(process.env.CHECKOUT_FAULT_ORDERS ?? 100);
const restarts = 10;

/** Faults by name. Each ends before it resolves. */
function faultsOf({ bookings, redis, loseShow }: CheckoutShop, postgres: TestServer, random: Random) {
  const killed = async (server: TestServer) => {
    await server.kill();
    await pause(random.int(100, 1_000));
    for (let attempt = 1; ; attempt++) {
      try {
        return await server.restart();
      } catch (error) {
        // Processes of the killed Postgres may still end.
        if (attempt === restarts) throw error;
        await pause(500);
      }
    }
  };
  const stopped = async (server: TestServer) => {
    await server.kill('SIGSTOP');
    await pause(random.int(300, 4_000));
    await server.kill('SIGCONT');
  };
  return {
    // The sandbox runs in the booking processes: the provider fails with them.
    'booking kill -9': () => killed(random.pick(bookings)),
    'booking SIGSTOP': () => stopped(random.pick(bookings)),
    'Postgres kill -9': () => killed(postgres),
    'Postgres SIGSTOP': () => stopped(postgres),
    'Redis kill -9': () => killed(redis),
    'Redis SIGSTOP': () => stopped(redis),
    'Redis loses the show': loseShow,
  };
}

/** How many checkouts ended in each state, as their users saw it. */
function countsOf(checkouts: readonly Checkout[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { order } of checkouts) {
    const state = order?.state ?? 'none';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

test('[R898] [G11] [G12] processes are killed and stopped at random during checkouts: whoever paid has tickets or the money back', async () => {
  const seed = chosenSeed();
  const random = new Random(seed);
  const postgres = await tracked(startPostgres());
  const shop = await startCheckoutShop({ database: postgres, seats: Math.min(200, Math.max(60, checkouts / 4)) });
  const faults = Object.entries(faultsOf(shop, postgres, random));
  let hasStruckAll = false;
  const seen: Checkout[] = [];
  let isOver = false;
  const struck = new Map<string, number>();
  const strike = async () => {
    for (;;) {
      for (const [name, fault] of random.sample(faults, faults.length)) {
        await pause(random.int(200, 1_500));
        if (isOver && hasStruckAll) return;
        await fault();
        struck.set(name, (struck.get(name) ?? 0) + 1);
      }
      hasStruckAll = true;
    }
  };
  const beganAtMs = nowMs();
  const buying = buyUntil(shop, random, seen, (begun) => begun >= checkouts && hasStruckAll).finally(() => {
    isOver = true;
  });
  await Promise.all([buying, strike()]);
  const faultMs = nowMs() - beganAtMs;
  const record = await shop.settled();
  const problems = checkoutProblems(record);
  const ended = Object.fromEntries(
    ['issued', 'lapsed', 'cancelled', 'refunded', 'needs_person'].map((state) => [
      state,
      record.orders.filter((order) => order.state === state).length,
    ]),
  );
  const figures = { ...countsOf(seen), ...Object.fromEntries(struck) };
  proofLine({
    fault: 'checkout, random faults',
    seed,
    begun: seen.length,
    faultMs,
    ended: JSON.stringify(ended),
    figures: JSON.stringify(figures),
    violations: problems.length,
  });
  expect(problems, `seed ${seed}`).toEqual([]);
  expect(ended.issued).toBeGreaterThan(checkouts / 10);
  // What a user saw as issued is issued.
  expect(lostOrders(issuedOf(seen), record)).toEqual([]);

  // The control: the audit sees a single seat that was lost.
  const [ticket] = record.orders.flatMap(({ ticketSeatIds }) => ticketSeatIds);
  const lost = new Map(record.seats);
  lost.delete(ticket ?? '');
  expect(checkoutProblems({ ...record, seats: lost })).toHaveLength(1);
}, 900_000);
