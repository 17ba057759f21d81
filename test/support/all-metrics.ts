import { collectDefaultMetrics, Registry } from 'prom-client';
import { bookingMetrics } from '../../src/booking/metrics.ts';
import { edgeMetrics } from '../../src/edge/metrics.ts';
import { createHttpApp } from '../../src/http/http-app.ts';
import { registerMetricsRoute } from '../../src/http/metrics-route.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { Projections } from '../../src/ledger/projections.ts';
import { registerOrderMetrics } from '../../src/orders/order-metrics.ts';
import { silent } from './silent.ts';

/** The metrics of a booking process with checkout, and of an edge. */
export function allMetrics() {
  const booking = bookingMetrics({
    shows: () => 1,
    unrelayed: () => 0,
    actors: () => 0,
    withheld: () => 0,
    unreplicated: () => 0,
  }).registry;
  const ledger = new MemoryLedger();
  registerOrderMetrics(booking, ledger);
  new Projections(ledger, booking);
  const edge = new Registry();
  collectDefaultMetrics({ register: edge });
  edgeMetrics(edge);
  registerMetricsRoute(createHttpApp(silent), edge);
  return [...booking.getMetricsAsArray(), ...edge.getMetricsAsArray()];
}
