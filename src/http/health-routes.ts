import type { FastifyInstance } from 'fastify';

interface HealthRoutesOptions {
  /** Whether work can be done now: a process that lives but cannot is to be left alone by the load balancer. */
  ready(): boolean | Promise<boolean>;
}

/** haproxy's `option httpchk` sends OPTIONS unless it is given a method. */
const method = ['GET', 'OPTIONS'];
const uncached = { 'cache-control': 'no-store' };

/** `GET /health`: the process lives. `GET /ready`: it can do its work. */
export function registerHealthRoutes(app: FastifyInstance, { ready }: HealthRoutesOptions): void {
  app.route({ method, url: '/health', handler: (_request, reply) => reply.headers(uncached).send({ status: 'ok' }) });
  app.route({
    method,
    url: '/ready',
    handler: async (_request, reply) => {
      reply.headers(uncached);
      if (await ready()) return { status: 'ok' };
      return reply.status(503).header('retry-after', 1).send({ status: 'unavailable' });
    },
  });
}
