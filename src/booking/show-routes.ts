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
/** For each plan, so that a reply of 10,000 seats is written and compressed once. */
interface ServedPlan {
  hash: string;
  body: CompressedBody;
}

/** `GET /api/shows`, `/api/shows/:show` and `/api/shows/:show/plan/:hash`: what is on sale. */
export function registerShowRoutes(app: HttpApp, { shows }: BookingAppOptions): void {
  const plans = new Map<string, ServedPlan>();
  const planOf = (show: Show): ServedPlan => {
    const known = plans.get(show.id);
    if (known) return known;
    const hash = planHash(show.plan);
    const body = new CompressedBody(Buffer.from(JSON.stringify(show.plan.toDocument())), {
      etag: `"${hash}"`,
      'content-type': jsonType,
      'cache-control': 'public, max-age=31536000, immutable',
    });
    const served = { hash, body };
    plans.set(show.id, served);
    return served;
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
    return { shows: shows.list.map((show) => summaryOf(show, nowMs)) };
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
      await sale.service.confirm().catch((error) => {
        if (!sale.service.isOpen) throw error;
      });
      reply.header('cache-control', 'no-cache');
      return detailsOf(sale);
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
    apiDocument: { refusals: ['UNKNOWN_SHOW', 'NOT_FOUND'] as const, notModified: 'The client has this plan.' },
  };
  app.get(
    '/api/shows/:show/plan/:hash',
    { schema: planSchema, serializerCompiler: () => String, config: planConfig },
    async (request, reply) => {
      const { show } = shows.get(request.params.show);
      const { hash, body } = planOf(show);
      if (request.params.hash !== hash) {
        throw new RefusedError('NOT_FOUND', `The show ${show.id} has the plan ${hash}`);
      }
      return body.send(request, reply);
    },
  );
}
