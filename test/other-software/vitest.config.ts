import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

/** For `npm run browsers`, `npm run proxies` and `npm run alerts`: what they install is too large for `npm cit`. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/other-software/{alerts,browsers,text-browsers,proxies}.ts'],
    testTimeout: 300_000,
    reporters: ['verbose'],
  },
});
