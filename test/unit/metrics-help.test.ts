import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { bookingMetrics } from '../../src/booking/metrics.ts';
import { edgeMetrics } from '../../src/edge/metrics.ts';
import { createHttpApp } from '../../src/http/http-app.ts';
import { registerMetricsRoute } from '../../src/http/metrics-route.ts';
import { silent } from '../support/silent.ts';

test('[R443] the help of each metric is a sentence that says what is measured', async () => {
  const booking = bookingMetrics({
    shows: () => 1,
    unrelayed: () => 0,
    actors: () => 0,
    withheld: () => 0,
    unreplicated: () => 0,
  }).registry;
  const edge = new Registry();
  edgeMetrics(edge);
  registerMetricsRoute(createHttpApp(silent), edge);
  const metrics = [...booking.getMetricsAsArray(), ...edge.getMetricsAsArray()];
  const own = metrics.filter(({ name }) => /^(booking|edge|http)_/.test(name));
  expect(own.length).toBeGreaterThan(17);
  for (const { name, help } of own) expect(help, name).toMatch(/^(Number of|Time in seconds) (\S+ ){3,}.*\.$/);
});
