import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { CompressedBody } from '../http/compressed-body.ts';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { ShowDetails, ShowList } from '../protocol/show.ts';
import { PlanDocument } from '../shows/plan-document.ts';
import { planHash } from '../shows/plan-hash.ts';
import type { Show } from '../shows/show.ts';
import type { BookingAppOptions } from './app-options.ts';
import { planPoints, pointsOf } from './points.ts';
import { ShowParams, showIdOf } from './show-paths.ts';
import { detailsOf, summaryOf } from './show-replies.ts';

const PlanParams = Type.Object({
  ...ShowParams.properties,
  hash: Type.String({ maxLength: 64, description: '`plan` of the show: the hash of its content' }),
});
/** `GET /api/shows`, `/api/shows/:show` and `/api/shows/:show/plan/:hash`: the shows on sale. */
export function registerShowRoutes(app: HttpApp, { shows, checkout }: BookingAppOptions): void {
  /** By id of the show: a reply of 10,000 seats is written and compressed once. */
  const bodies = new Map<string, CompressedBody>();
  const bodyOf = ({ id, plan }: Show): CompressedBody => {
    const known = bodies.get(id);
    if (known) return known;
    const body = new CompressedBody(Buffer.from(JSON.stringify(plan.toDocument())), {
      etag: `"${planHash(plan)}"`,
      'content-type': jsonType,
      'cache-control': 'public, max-age=31536000, immutable',
    });
    bodies.set(id, body);
    return body;
  };

  const listSchema = {
    tags: ['shows'],
    operationId: 'listShows',
    summary: 'List all shows',
    description: 'The default show first, then by id.',
    response: { 200: ShowList },
  };
  app.get('/api/shows', { schema: listSchema, config: { points: pointsOf(shows.list.length) } }, async (_, reply) => {
    // The time of Redis, as all rules of a sale.
    const nowMs = shows.default.service.storeClock.nowMs();
    reply.header('cache-control', 'no-cache');
    return { shows: shows.list.map((show) => summaryOf(show, nowMs, shows.refusalOf(show.id))) };
  });

  const showSchema = {
    tags: ['shows'],
    operationId: 'getShow',
    summary: 'Get a show',
    description: 'Its prices, its rules, and how many seats have each status.',
    params: ShowParams,
    response: { 200: ShowDetails },
  };
  const refusals = ['UNKNOWN_SHOW', 'STORE_UNAVAILABLE', 'TIMEOUT'] as const;
  app.get(
    '/api/shows/:show',
    { schema: showSchema, config: { apiDocument: { refusals } } },
    async ({ params }, reply) => {
      const sale = shows.get(params.show);
      await sale.service.requirePlan();
      reply.header('cache-control', 'no-cache');
      return detailsOf(sale, checkout !== undefined);
    },
  );

  const planSchema = {
    tags: ['shows'],
    operationId: 'getPlan',
    summary: 'Get a seating plan',
    description: 'Every seat of the show. The reply never changes: a changed plan has another hash.',
    params: PlanParams,
    response: { 200: PlanDocument },
  };
  const planConfig = {
    points: ({ params }: FastifyRequest) => planPoints(shows.sizeOf(showIdOf({ params }))),
    apiDocument: {
      refusals: ['UNKNOWN_SHOW', 'NOT_FOUND', 'STORE_UNAVAILABLE', 'TIMEOUT'] as const,
      notModified: 'The client has this plan.',
    },
  };
  app.get(
    '/api/shows/:show/plan/:hash',
    { schema: planSchema, serializerCompiler: () => String, config: planConfig },
    async (request, reply) => {
      const { show, service } = shows.get(request.params.show);
      const hash = planHash(show.plan);
      if (request.params.hash !== hash) {
        await service.requirePlan(); // another process may have the plan
        throw new RefusedError('NOT_FOUND', `The show ${show.id} has the plan ${hash}`);
      }
      return bodyOf(show).send(request, reply);
    },
  );
}
