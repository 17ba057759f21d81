import type { FastifyInstance } from 'fastify';

interface HealthRoutesOptions {
  /** Whether work can be done now: a process that lives but cannot is to be left alone by the load balancer. */
  ready(): boolean | Promise<boolean>;
}

/** `GET /health`: the process lives. `GET /ready`: it can do its work. */
export function registerHealthRoutes(app: FastifyInstance, { ready }: HealthRoutesOptions): void {
  app.get('/health', () => ({ status: 'ok' }));
  app.get('/ready', async (_request, reply) => {
    if (await ready()) return { status: 'ok' };
    return reply.status(503).header('retry-after', 1).send({ status: 'unavailable' });
  });
}
