import type { FastifySchema } from 'fastify';
import fresh from 'fresh';
import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import { ErrorReply } from '../protocol/commands.ts';
import { EventsAfter } from '../protocol/events.ts';
import { Seat } from '../protocol/seat.ts';
import { VenueState } from '../protocol/venue.ts';
import type { BookingAppOptions } from './app-options.ts';
import { SeatsJson } from './seats-json.ts';

const EventsQuery = Type.Object({
  epoch: Type.String({ minLength: 1, maxLength: 64 }),
  after: Type.String({ pattern: '^[0-9]{1,15}$', description: 'A seq' }),
});

const ReadHeaders = Type.Object({
  'x-venue-stale': Type.Optional(
    Type.String({
      description:
        'While Redis cannot be asked: `refuse` gets 503 in place of a stale venue, so that another process can be tried; `accept` gets the stale venue at once. Without it Redis is tried first.',
    }),
  ),
});
const staleRefused = 'Redis cannot be reached from this booking process; another one may reach it';

type ReadHeaders = Static<typeof ReadHeaders>;

/** `GET /api/seats`, `/api/venue`, `/api/events`: what everybody may read. */
export function registerVenueRoutes(app: HttpApp, { service, venue, logger }: BookingAppOptions): void {
  const seatsJson = new SeatsJson(service.view);

  /** False where the store cannot be asked: then the view shows what was last known. */
  const isConfirmed = async ({ 'x-venue-stale': staleReads }: ReadHeaders): Promise<boolean> => {
    if (staleReads === 'accept' && service.isOpen) return false;
    try {
      await service.confirm();
      return true;
    } catch (error) {
      if (!service.isOpen) throw error; // nothing was ever known
      if (staleReads === 'refuse') throw new RefusedError('STORE_UNAVAILABLE', staleRefused, { cause: error });
      logger.debug({ error: (error as Error).message }, 'Read from what was last known');
      return false;
    }
  };

  const seatsSchema: FastifySchema = {
    tags: ['venue'],
    description: 'Every seat, in row-major order. The ETag is the position in the history of the venue.',
    headers: ReadHeaders,
    response: { 200: Type.Array(Seat), 503: ErrorReply },
  };
  app.get<{ Headers: ReadHeaders }>(
    '/api/seats',
    { schema: seatsSchema, serializerCompiler: () => String },
    (request, reply) =>
      isConfirmed(request.headers).then((confirmed) => {
        const { bytes, headers } = seatsJson.current();
        reply.headers(headers);
        if (!confirmed) reply.header('x-venue-stale', 'true');
        if (fresh(request.headers, headers)) return reply.status(304).send();
        return reply.type(jsonType).send(bytes);
      }),
  );

  const venueSchema = {
    tags: ['venue'],
    description: 'The venue, its seats, and the position in its history that they show.',
    headers: ReadHeaders,
    response: { 200: VenueState, 503: ErrorReply },
  };
  app.get('/api/venue', { schema: venueSchema }, async ({ headers }, reply) => {
    const confirmed = await isConfirmed(headers);
    reply.header('cache-control', 'no-store');
    return {
      ...(service.system !== undefined && { system: service.system }),
      venue: venue.name,
      ...service.view.position,
      server_time: Math.round(service.storeClock.nowMs()) / 1000,
      hold_seconds: venue.holdTtlMs / 1000,
      max_holds: venue.maxHoldsPerUser,
      rows: venue.rows,
      cols: venue.cols,
      ...(!confirmed && { stale: true as const }),
      seats: [...service.view.seats],
    };
  });

  const eventsSchema = {
    tags: ['venue'],
    description:
      'What happened after a position. Without `events`: it cannot be told from there, take the whole venue.',
    querystring: EventsQuery,
    response: { 200: EventsAfter, 400: ErrorReply, 503: ErrorReply, 504: ErrorReply },
  };
  app.get('/api/events', { schema: eventsSchema }, async ({ query }, reply) => {
    const history = await service.eventsAfter({ epoch: query.epoch, seq: Number(query.after) });
    reply.header('cache-control', 'no-store');
    return {
      epoch: history.epoch,
      seq: history.seq,
      server_time: history.nowMs / 1000,
      ...(history.events && { events: history.events }),
    };
  });
}
