import type { FastifyRequest, FastifySchema } from 'fastify';
import fresh from 'fresh';
import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { messageOf } from '../process/error-facts.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { EventsAfter } from '../protocol/events.ts';
import { Seat } from '../protocol/seat.ts';
import { type Position, VenueState } from '../protocol/venue.ts';
import { planHash } from '../shows/plan-hash.ts';
import { RecentEvent } from '../venue/recent-events.ts';
import type { BookingAppOptions } from './app-options.ts';
import type { BookingService } from './booking-service.ts';
import { pointsOf } from './points.ts';
import { showIdOf, showPaths } from './show-paths.ts';
import type { ShowOnSale } from './shows-on-sale.ts';
import { holdSettings } from './venue-settings.ts';

const EventsQuery = Type.Object({
  epoch: Type.String({ minLength: 1, maxLength: 64, description: 'Epoch of the position, from an earlier reply' }),
  after: Type.String({ pattern: '^[0-9]{1,15}$', description: '`seq` of the position', examples: ['17'] }),
});

const ReadHeaders = Type.Object({
  'x-venue-stale': Type.Optional(
    Type.String({
      description:
        'While Redis is unavailable: `refuse` returns 503 instead of a stale venue, so that another process can be tried; `accept` returns the stale venue at once. Without it, the process tries Redis first.',
    }),
  ),
});
const SeatsHeaders = Type.Object({
  ...ReadHeaders.properties,
  'if-none-match': Type.Optional(
    Type.String({ description: '`ETag` of an earlier reply: the reply is 304 if no seat has changed since' }),
  ),
});
const readRefusals = ['STORE_UNAVAILABLE', 'TIMEOUT'] as const;
/** The maximum for one reply to our own edges, and to any client in a large venue. */
const maxEventsPerReply = 1_024;
/** A reader that is further behind gets no events, unless the whole venue is larger than the events. */
const minEventsBehind = 100;
/** The cost of the call to the store before each read. */
const pointsPerConfirm = 1;
const staleRefused = 'Redis cannot be reached from this booking process; another one may reach it';

type ReadHeaders = Static<typeof ReadHeaders>;

/** `GET /api/seats`, `/api/venue`, `/api/events`, and the same below `/api/shows/:show`: reads that need no session. */
export function registerVenueRoutes(app: HttpApp, { shows, access, logger }: BookingAppOptions): void {
  const points = (request: FastifyRequest) => pointsPerConfirm + pointsOf(shows.sizeOf(showIdOf(request)));
  /** The show of a request, and whether the store has confirmed its view; if it is unavailable, the view shows the last known state. */
  const read = (request: FastifyRequest<{ Headers: ReadHeaders }>) => {
    const sale = shows.get(showIdOf(request));
    return isConfirmed(sale, request.headers).then((confirmed) => ({ sale, isConfirmed: confirmed }));
  };
  const isConfirmed = async ({ service }: ShowOnSale, { 'x-venue-stale': staleReads }: ReadHeaders) => {
    if (staleReads === 'accept' && service.isOpen) return false;
    try {
      await service.confirm();
      return true;
    } catch (error) {
      if (!service.isOpen) throw error; // no state was ever read
      if (staleReads === 'refuse') throw new RefusedError('STORE_UNAVAILABLE', staleRefused, { cause: error });
      logger.debug({ error: messageOf(error) }, 'Replied with the last known state');
      return false;
    }
  };
  const refusalsOf = ({ params }: { params?: unknown }, refusals: readonly ErrorCode[]) =>
    params ? [...refusals, 'UNKNOWN_SHOW' as const] : refusals;

  for (const { url, ...show } of showPaths('/seats', 'list Seats')) {
    const schema: FastifySchema & { operationId: string } = {
      tags: ['venue'],
      summary: 'List all seats',
      description: 'Returns all seats in the order of the plan. The `ETag` is the position in the history of the show.',
      ...show,
      headers: SeatsHeaders,
      response: { 200: Type.Array(Seat, { description: 'All seats in the order of the plan.' }) },
    };
    const config = {
      points,
      apiDocument: {
        refusals: refusalsOf(show, readRefusals),
        headers: {
          ETag: 'Position that the seats show: `"epoch:seq"`.',
          'X-Venue-Stale': '`true` while Redis is unavailable: the seats show the last known state.',
        },
        notModified: 'No seat has changed since the reply with the given `ETag`.',
      },
    };
    app.get<{ Headers: ReadHeaders }>(url, { schema, serializerCompiler: () => String, config }, (request, reply) =>
      read(request).then(({ sale, isConfirmed }) => {
        const { bytes, headers } = sale.seatsJson.current();
        reply.headers(headers);
        if (!isConfirmed) reply.header('x-venue-stale', 'true');
        if (fresh(request.headers, headers)) return reply.status(304).send();
        return reply.type(jsonType).send(bytes);
      }),
    );
  }

  for (const { url, ...show } of showPaths('/venue', 'get Venue')) {
    const schema: FastifySchema & { operationId: string } = {
      tags: ['venue'],
      summary: 'Get the venue with all seats',
      description: 'Returns the show, its seats, and the position in its history that they show.',
      ...show,
      headers: ReadHeaders,
      response: { 200: VenueState },
    };
    const config = { points, apiDocument: { refusals: refusalsOf(show, readRefusals) } };
    app.get<{ Headers: ReadHeaders }>(
      url,
      { schema, serializerCompiler: () => String, config },
      async (request, reply) => {
        const { sale, isConfirmed } = await read(request);
        return reply
          .header('cache-control', 'no-store')
          .type(jsonType)
          .send(venueJson(sale, isConfirmed) as never);
      },
    );
  }

  const isOwn = ownReaders(access);
  const maxBehindOf = (seats: number) => Math.min(maxEventsPerReply, Math.max(minEventsBehind, seats));
  const eventPoints = (request: FastifyRequest) =>
    pointsPerConfirm + pointsOf(maxBehindOf(shows.sizeOf(showIdOf(request))));
  for (const { url, ...show } of showPaths('/events', 'list Events')) {
    const schema = {
      tags: ['venue'],
      summary: 'List the changes after a position',
      description:
        'Returns the transitions after a position. A reply without `events` means that the position is unknown or too old: read the whole venue.',
      ...show,
      querystring: EventsQuery,
      response: { 200: EventsAfter },
    };
    const apiDocument = { refusals: refusalsOf(show, [...readRefusals, 'INVALID_REQUEST']) };
    app.get(
      url,
      { schema, serializerCompiler: () => String, config: { points: eventPoints, apiDocument } },
      async (request, reply) => {
        const { epoch, after } = request.query;
        const sale = shows.get(showIdOf(request));
        const maxBehind = maxBehindOf(sale.show.plan.size);
        const position = { epoch, seq: Number(after) };
        const { events, ...head } = await eventsAfter(sale.service, position, isOwn(request) ? Infinity : maxBehind);
        const start = JSON.stringify(head).slice(0, -1);
        const json = events ? `${start},"events":[${events.map((event) => event.json).join(',')}]}` : `${start}}`;
        return reply
          .header('cache-control', 'no-store')
          .type(jsonType)
          .send(json as never);
      },
    );
  }
}

function venueJson({ show, rules, service, seatsJson }: ShowOnSale, isConfirmed: boolean): Buffer {
  const { epoch, seq, bytes } = seatsJson.current();
  const head: Omit<VenueState, 'seats'> = {
    ...(service.system !== undefined && { system: service.system }),
    venue: show.id,
    epoch,
    seq,
    server_time: service.storeClock.serverTime(),
    ...holdSettings(rules),
    rows: show.plan.rows.length,
    cols: show.plan.longestRow,
    plan: planHash(show.plan),
    ...(!isConfirmed && { stale: true as const }),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head).slice(0, -1)},"seats":`), bytes, closingBrace]);
}

/** Without events if the position is not of this show, or further behind than `maxBehind`. */
async function eventsAfter(service: BookingService, position: Position, maxBehind: number): Promise<EventsReply> {
  await service.confirm();
  const { epoch, seq } = service.view;
  const reply = { epoch, seq, server_time: service.storeClock.serverTime() };
  const behind = seq - position.seq;
  if (position.epoch !== epoch || behind < 0 || behind > maxBehind) return reply;
  const recent = service.recent.between(position, { epoch, seq });
  if (recent) return { ...reply, events: recent.slice(0, maxEventsPerReply) };
  const { events, nowMs, ...newest } = await service.eventsAfter(position);
  if (!events) return { ...newest, server_time: nowMs / 1000 };
  service.recent.fill(events);
  return { ...newest, server_time: nowMs / 1000, events: events.map((event) => new RecentEvent(event)) };
}

type EventsReply = Omit<EventsAfter, 'events'> & { events?: RecentEvent[] };

const closingBrace = Buffer.from('}');

/** Our own edges and tools may catch up from any distance; without limits every client may. */
function ownReaders(access: Access): (request: FastifyRequest) => boolean {
  if (!access.rateLimits) return () => true;
  const addressOf = countedAddress(access);
  return (request) => addressOf(request) === undefined;
}
