import type { FastifySchema } from 'fastify';
import fresh from 'fresh';
import { Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
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

/** `GET /api/seats`, `/api/venue`, `/api/events`: what everybody may read. */
export function registerVenueRoutes(app: HttpApp, { service, venue, logger }: BookingAppOptions): void {
  const seatsJson = new SeatsJson(service.view);

  /** False where the store cannot be asked: then the view shows what was last known. */
  const isConfirmed = (): Promise<boolean> =>
    service.confirm().then(
      () => true,
      (error: Error) => {
        if (!service.isOpen) throw error; // nothing was ever known
        logger.debug({ error: error.message }, 'Read from what was last known');
        return false;
      },
    );

  const seatsSchema: FastifySchema = {
    tags: ['venue'],
    description: 'Every seat, in row-major order. The ETag is the position in the history of the venue.',
    response: { 200: Type.Array(Seat), 503: ErrorReply },
  };
  app.get('/api/seats', { schema: seatsSchema, serializerCompiler: () => String }, (request, reply) =>
    isConfirmed().then((confirmed) => {
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
    response: { 200: VenueState, 503: ErrorReply },
  };
  app.get('/api/venue', { schema: venueSchema }, async (_request, reply) => {
    const confirmed = await isConfirmed();
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
