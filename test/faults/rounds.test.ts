import { test, vi } from 'vitest';
import { expectProven, faultTestTimeoutMs } from './expect-proven.ts';
import { runFault } from './fault-run.ts';
import { inflict, randomFault } from './random-fault.ts';
import { chosenSeed, seededRandom } from './seeded-random.ts';
import { nowMs } from './time.ts';

/** `FAULT_MINUTES=30 FAULT_SEED=7`: longer, and repeatable. */
const minutes = Number(process.env.FAULT_MINUTES ?? 0);
const faultsPerRound = 3;

vi.setConfig({ testTimeout: minutes * 60_000 + 2 * faultTestTimeoutMs });

async function round(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const names: string[] = [];
  const result = await runFault('random', { seed, holdSeconds: 3 }, async ({ venue, load }) => {
    const beganAtMs = nowMs();
    for (let i = 0; i < faultsPerRound; i++) {
      const fault = randomFault(venue, random);
      names.push(fault.name);
      await inflict(fault, random);
      await load.decides(50);
    }
    return { beganAtMs, endedAtMs: nowMs(), figures: { faults: names.join(', ') } };
  });
  expectProven(result);
  await result.stop();
}

test('[G1] [G2] [G4] [G5] [G6] random faults, one after the other, under load', async () => {
  const firstSeed = chosenSeed();
  const endsAtMs = nowMs() + minutes * 60_000;
  for (let seed = firstSeed; seed === firstSeed || nowMs() < endsAtMs; seed++) await round(seed);
});
