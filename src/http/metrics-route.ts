import { Counter, type Registry } from 'prom-client';
import type { HttpApp } from './http-app.ts';

/** `GET /metrics`, in the text format of Prometheus. */
export function registerMetricsRoute(app: HttpApp, registry: Registry): void {
  new Counter({
    name: 'http_refusals_total',
    help: 'Requests refused by the HTTP server, by code, without those that Redis refused.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of app.refusalCounts) this.inc({ code }, count);
    },
  });
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}
