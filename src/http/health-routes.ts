import type { FastifyInstance } from 'fastify';

interface HealthRoutesOptions {
  /** Whether the process can do its work. If not, load balancers must not route requests to it. */
  ready(): boolean | Promise<boolean>;
}

/** `GET /health`: the process is alive. `GET /ready`: it can do its work. */
export function registerHealthRoutes(app: FastifyInstance, { ready }: HealthRoutesOptions): void {
  app.get('/health', () => ({ status: 'ok' }));
  app.get('/ready', async (_request, reply) => {
    if (await ready()) return { status: 'ok' };
    return reply.status(503).header('retry-after', 1).send({ status: 'unavailable' });
  });
}
