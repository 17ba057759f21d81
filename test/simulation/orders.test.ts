import { describe, expect, test } from 'vitest';
import { type OrderHistory, runOrderHistory } from './orders/order-history.ts';

const { ORDER_SEED, ORDER_HISTORIES } = process.env;
/** Each run has other seeds; ORDER_SEED=… ORDER_HISTORIES=1 repeats a failed one. */
const baseSeed = ORDER_SEED ? Number(ORDER_SEED) : Math.floor(performance.timeOrigin) % 800_000_000;
const suiteMs = 55_000;
/** On a slow machine it goes on for so long, until it has covered every end. */
const maxSuiteMs = 5 * suiteMs;
/** Of each end, so that the intended cases are covered. */
const leastEnds = 20;
const tracedLines = 150;

async function expectNoViolation({ violation, seed }: OrderHistory): Promise<void> {
  if (!violation) return;
  const { lines } = await runOrderHistory(seed, {}, { traced: true });
  expect.fail(
    [
      `Seed ${seed} breaks ${violation.rule}: ${violation.message}`,
      `Again: ORDER_SEED=${seed} ORDER_HISTORIES=1 npx vitest run test/simulation/orders.test.ts`,
      ...lines.slice(-tracedLines),
    ].join('\n'),
  );
}

describe('checkout, simulated', () => {
  test('[G11] [G12] [R760] [R761] [R762] [R763] [R764] [R766] every payer has tickets or the money back, whatever fails', async () => {
    const counts = new Map<string, number>();
    const startedAtMs = performance.now();
    let histories = 0;
    const rareEnds = () =>
      ['issued', 'lapsed', 'cancelled', 'refunded'].filter((state) => (counts.get(`ended ${state}`) ?? 0) < leastEnds);
    const isEnough = () => {
      if (ORDER_HISTORIES) return histories >= Number(ORDER_HISTORIES);
      const ranMs = performance.now() - startedAtMs;
      return ranMs > maxSuiteMs || (ranMs > suiteMs && rareEnds().length === 0);
    };
    while (!isEnough()) {
      const result = await runOrderHistory(baseSeed + histories++);
      for (const [what, often] of result.counts) counts.set(what, (counts.get(what) ?? 0) + often);
      await expectNoViolation(result);
    }
    const perMinute = (histories / (performance.now() - startedAtMs)) * 60_000;
    process.stdout.write(`orders: base seed ${baseSeed}, ${histories} histories, ${perMinute.toFixed(0)} a minute\n`);
    for (const [what, often] of [...counts].sort()) process.stdout.write(`  ${what}: ${often}\n`);
    if (!ORDER_HISTORIES) expect(rareEnds()).toEqual([]);
  }, 3_600_000);

  test('a seed determines a history, step by step', async () => {
    const [once, again] = [
      await runOrderHistory(7, {}, { traced: true }),
      await runOrderHistory(7, {}, { traced: true }),
    ];
    expect(again.steps).toBe(once.steps);
    expect(again.counts).toEqual(once.counts);
  });
});
