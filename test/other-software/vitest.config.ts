import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** For `npm run browsers` and `npm run proxies`: what they install is too large for `npm cit`. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/other-software/{browsers,text-browsers,proxies}.ts'],
    testTimeout: 300_000,
    reporters: ['verbose'],
  },
});
