import { collectDefaultMetrics, Registry } from 'prom-client';
import { registerHealthRoutes } from '../http/health-routes.ts';
import { createHttpApp, type HttpApp } from '../http/http-app.ts';
import { registerMetricsRoute } from '../http/metrics-route.ts';
import { Edge, type EdgeOptions } from './edge.ts';

/** An edge with an HTTP server of its own. `app.close()` drains it first. */
export function buildEdge(options: Omit<EdgeOptions, 'registry'>): { app: HttpApp; edge: Edge } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const edge = new Edge({ ...options, registry });

  const app = createHttpApp(options.logger);
  registerHealthRoutes(app, { ready: () => edge.isReady() });
  registerMetricsRoute(app, registry);
  app.addHook('preClose', () => edge.drain());
  edge.start(app.server);
  return { app, edge };
}
