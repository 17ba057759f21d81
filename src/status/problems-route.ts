import type { FastifyRequest } from 'fastify';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { RecentProblems } from '../process/recent-problems.ts';

/** `GET /status/problems`: the last problems in the log of this process, as JSON. Not through a proxy: they are for operators. */
export function registerProblemsRoute(app: HttpApp, problems: RecentProblems): void {
  app.get('/status/problems', { schema: { hide: true } }, async (request, reply) => {
    refuseProxied(request);
    return reply.header('cache-control', 'no-store').send(problems.list);
  });
}

/** Throws unless the request came directly to this port, as a scrape of the metrics does. */
export function refuseProxied({ headers }: FastifyRequest): void {
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined)
    throw new RefusedError('NOT_FOUND', 'Not found: /status is at the port of the process, not behind a proxy');
}
