import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const { WITH_SIMULATION } = process.env;

/**
 * For Stryker: the tests of what is mutated that need no server, so that a mutant is judged in seconds. `WITH_SIMULATION=1`: the simulation as
 * well, for what those let live.
 */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'test/unit/booking-{frozen,relay,road,store-clock,venue-view}.test.ts',
      'test/unit/process-batcher.test.ts',
      'test/unit/edge-{updates,venue-feed}.test.ts',
      'test/machines/seat.test.ts',
      'test/contract/memory-*.test.ts',
      ...(WITH_SIMULATION ? ['test/simulation/simulation.test.ts', 'test/simulation/clock.test.ts'] : []),
    ],
    env: { SIMULATION_SEED: '1', SIMULATION_HISTORIES: '60' },
    globalSetup: [],
    reporters: ['default'],
  },
});
