import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vitest/config';

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
    reporters: ['default', ['json', { outputFile: '.test-data/results.json' }]],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What takes no time here may take seconds on a machine that is busy with other tests.
    expect: { poll: { timeout: 20_000 } },
    // Many files start servers of their own; more at once would only make them wait for each other.
    maxWorkers: 2,
  },
});
