import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** For Stryker: the tests that need no server, so that a mutant is judged in seconds. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/unit/**/*.test.ts', 'test/machines/**/*.test.ts', 'test/contract/memory-*.test.ts'],
    globalSetup: [],
    reporters: ['default'],
  },
});
