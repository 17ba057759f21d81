import { Counter, type Registry } from 'prom-client';
import type { HttpApp } from './http-app.ts';

const schema = {
  tags: ['operation'],
  operationId: 'getMetrics',
  summary: 'Get the metrics of the process',
  description: 'Returns metrics in the text format of Prometheus.',
  response: {
    200: { description: 'Metrics in text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
  },
};

/** `GET /metrics`, in the text format of Prometheus. */
export function registerMetricsRoute(app: HttpApp, registry: Registry): void {
  new Counter({
    name: 'http_refusals_total',
    help: 'Number of refused requests by error code. Refusals decided by Redis count in booking_commands_total.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of app.refusalCounts) this.inc({ code }, count);
    },
  });
  app.get('/metrics', { schema }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
