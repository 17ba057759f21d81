import { expect, test } from 'vitest';
import { allMetrics } from '../support/all-metrics.ts';

test('[R443] the help of each metric is a sentence that describes the measured value', async () => {
  const own = allMetrics().filter(({ name }) => /^(booking|edge|http)_/.test(name));
  expect(own.length).toBeGreaterThan(17);
  for (const { name, help } of own) expect(help, name).toMatch(/^(Number of|Time in seconds) (\S+ ){3,}.*\.$/);
});
