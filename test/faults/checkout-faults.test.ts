import { test } from 'vitest';
import { Random } from '../simulation/random.ts';
import type { TestServer } from '../support/servers.ts';
import { buyUntil, type Checkout, issuedOf } from './checkout-load.ts';
import { checkoutProblems, lostOrders } from './checkout-problems.ts';
import { type CheckoutShop, startCheckoutShop } from './checkout-shop.ts';
import { proofLine } from './proof-line.ts';
import { chosenSeed } from './seeded-random.ts';
import { nowMs, pause } from './time.ts';

/** Of all shops, in each run of the suite; more for a proof. */
const orderCount = Number(process.env.CHECKOUT_FAULT_ORDERS ?? 500);
const shops = [
  { provider: 'sandbox', orders: orderCount / 5, buyers: 8 },
  { provider: 'stripe', orders: (orderCount * 4) / 5, buyers: 24 },
] as const;
const restarts = 10;

/** Faults by name. Each ends before it resolves. */
function faultsOf({ bookings, postgres, redis, stripe, loseShow }: CheckoutShop, random: Random) {
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
    // The sandbox runs in the booking processes, and fails with them.
    'booking kill -9': () => killed(random.pick(bookings)),
    'booking SIGSTOP': () => stopped(random.pick(bookings)),
    ...(postgres && {
      'Postgres kill -9': () => killed(postgres),
      'Postgres SIGSTOP': () => stopped(postgres),
    }),
    ...(redis && {
      'Redis kill -9': () => killed(redis),
      'Redis SIGSTOP': () => stopped(redis),
    }),
    'Redis loses the show': loseShow,
    ...(stripe && {
      'provider kill -9': () => killed(stripe),
      'provider SIGSTOP': () => stopped(stripe),
    }),
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

test.concurrent.for(shops)(
  '[R898] [R1020] [G11] [G12] processes are killed and suspended at random during checkouts with the provider $provider: every payer has tickets or the money back',
  { timeout: 900_000 },
  async ({ provider, orders, buyers }, { onTestFinished: atEnd, expect }) => {
    const seed = chosenSeed();
    const random = new Random(seed);
    const seats = Math.min(200, Math.max(60, orders / 2));
    const shop = await startCheckoutShop({ atEnd, provider, seats });
    const faults = Object.entries(faultsOf(shop, random));
    const checkouts: Checkout[] = [];
    let hasStruckAll = false;
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
    const isEnough = () => hasStruckAll && checkouts.filter(({ order }) => order).length >= orders;
    const buying = buyUntil(shop, { atEnd, random, buyers, checkouts, isOver: isEnough }).finally(() => {
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
    const figures = { ...countsOf(checkouts), ...Object.fromEntries(struck) };
    proofLine({
      fault: 'checkout, random faults',
      provider,
      seed,
      begun: checkouts.length,
      faultMs,
      ended: JSON.stringify(ended),
      figures: JSON.stringify(figures),
      violations: problems.length,
    });
    expect(problems, `seed ${seed}`).toEqual([]);
    expect(ended.issued).toBeGreaterThan(orders / 10);
    // Orders that a user saw as issued are issued.
    expect(lostOrders(issuedOf(checkouts), record)).toEqual([]);

    // The controls: the audit sees a single seat that was lost, and a single payment that its provider has lost.
    const [ticket] = record.orders.flatMap(({ ticketSeatIds }) => ticketSeatIds);
    const lost = new Map(record.seats);
    lost.delete(ticket ?? '');
    expect(checkoutProblems({ ...record, seats: lost })).toHaveLength(1);
    const captured = record.payments?.find(({ capturedMinor, refundedMinor }) => capturedMinor > refundedMinor);
    const kept = record.payments?.filter((payment) => payment !== captured);
    expect(checkoutProblems({ ...record, payments: kept })).toHaveLength(1);
  },
);
