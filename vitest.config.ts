import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';
import { patience } from './test/support/patience.ts';

/** As the build does (`--loader:.lua=text`): a Lua file is imported as its text. */
const luaAsText: Plugin = {
  name: 'lua-as-text',
  load(id) {
    if (!id.endsWith('.lua')) return null;
    return `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`;
  },
};

export default defineConfig({
  plugins: [luaAsText],
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/xstate-warnings.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.test-data/results.json' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: patience.timeout } },
    // Many files start servers of their own; more at once would only make them wait for each other.
    maxWorkers: 2,
    // A worker imports each module once. Files restore what they replace, and keep their state out of modules.
    isolate: false,
    // Of tests that wait for most of their time, each with a whole system.
    maxConcurrency: 2,
  },
});
