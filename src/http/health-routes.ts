import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

interface HealthRoutesOptions {
  /** Whether the process can do its work now. A load balancer sends no requests to a process that cannot. */
  ready(): boolean | Promise<boolean>;
  /** By id of each show that the process must not sell: the reason. */
  refusedShows?: () => Record<string, string>;
}

const Ok = Type.Object({ status: Type.Literal('ok') });
const refusedShows = {
  refused_shows: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description:
        'Shows that this process must not sell, with the reason: a changed plan, foreign data in Redis, or a ledger that does not reply when the show has to be opened',
    }),
  ),
};

const healthSchema = {
  tags: ['operation'],
  operationId: 'getHealth',
  summary: 'Check that the process runs',
  description: 'Replies as long as the process runs, whatever the state of Redis and NATS.',
  response: { 200: Type.Object(Ok.properties, { description: 'The process runs.' }) },
};

const readySchema = {
  tags: ['operation'],
  operationId: 'getReadiness',
  summary: 'Check that the process can serve requests',
  description: 'A load balancer sends requests only to processes that reply 200.',
  response: {
    200: Type.Object({ ...Ok.properties, ...refusedShows }, { description: 'The process can serve requests.' }),
    503: Type.Object(
      { status: Type.Literal('unavailable'), ...refusedShows },
      { description: 'The process cannot serve requests now, for example because Redis is unavailable.' },
    ),
  },
};

const uncached = { 'cache-control': 'no-store' };

/** `GET /health`: the process runs. `GET /ready`: it can do its work. */
export function registerHealthRoutes(app: FastifyInstance, { ready, refusedShows }: HealthRoutesOptions): void {
  const health = (_request: FastifyRequest, reply: FastifyReply) => reply.headers(uncached).send({ status: 'ok' });
  const readiness = async (_request: FastifyRequest, reply: FastifyReply) => {
    reply.headers(uncached);
    const isReady = await ready();
    const refused = refusedShows?.() ?? {};
    const shows = Object.keys(refused).length > 0 && { refused_shows: refused };
    if (isReady) return { status: 'ok', ...shows };
    return reply
      .status(503)
      .header('retry-after', 1)
      .send({ status: 'unavailable', ...shows });
  };
  app.get('/health', { schema: healthSchema }, health);
  app.get('/ready', { schema: readySchema }, readiness);
  // haproxy's `option httpchk` sends OPTIONS by default.
  app.options('/health', { schema: { hide: true } }, health);
  app.options('/ready', { schema: { hide: true } }, readiness);
}
