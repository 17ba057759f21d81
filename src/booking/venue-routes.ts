import type { FastifyRequest, FastifySchema } from 'fastify';
import fresh from 'fresh';
import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { messageOf } from '../process/error-facts.ts';
import { EventsAfter } from '../protocol/events.ts';
import { Seat } from '../protocol/seat.ts';
import { type Position, VenueState } from '../protocol/venue.ts';
import { RecentEvent } from '../venue/recent-events.ts';
import type { BookingAppOptions } from './app-options.ts';
import { pointsOf } from './points.ts';
import { SeatsJson } from './seats-json.ts';
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

/** `GET /api/seats`, `/api/venue`, `/api/events`: reads that need no session. */
export function registerVenueRoutes(app: HttpApp, { service, venue, access, logger }: BookingAppOptions): void {
  const seatsJson = new SeatsJson(service.view);
  const seatCount = venue.rows * venue.cols;
  const config = { points: pointsPerConfirm + pointsOf(seatCount) };

  /** False if the store is unavailable: the view then shows the last known state. */
  const isConfirmed = async ({ 'x-venue-stale': staleReads }: ReadHeaders): Promise<boolean> => {
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

  const seatsSchema: FastifySchema = {
    tags: ['venue'],
    operationId: 'listSeats',
    summary: 'List all seats',
    description: 'Returns all seats in row-major order. The `ETag` is the position in the history of the venue.',
    headers: SeatsHeaders,
    response: { 200: Type.Array(Seat, { description: 'All seats in row-major order.' }) },
  };
  const seatsConfig = {
    ...config,
    apiDocument: {
      refusals: readRefusals,
      headers: {
        ETag: 'Position that the seats show: `"epoch:seq"`.',
        'X-Venue-Stale': '`true` while Redis is unavailable: the seats show the last known state.',
      },
      notModified: 'No seat has changed since the reply with the given `ETag`.',
    },
  };
  app.get<{ Headers: ReadHeaders }>(
    '/api/seats',
    { schema: seatsSchema, serializerCompiler: () => String, config: seatsConfig },
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
    operationId: 'getVenue',
    summary: 'Get the venue with all seats',
    description: 'Returns the venue, its seats, and the position in its history that they show.',
    headers: ReadHeaders,
    response: { 200: VenueState },
  };
  const venueConfig = { ...config, apiDocument: { refusals: readRefusals } };
  app.get(
    '/api/venue',
    { schema: venueSchema, serializerCompiler: () => String, config: venueConfig },
    async ({ headers }, reply) => {
      const confirmed = await isConfirmed(headers);
      const { epoch, seq, bytes } = seatsJson.current();
      const head: Omit<VenueState, 'seats'> = {
        ...(service.system !== undefined && { system: service.system }),
        venue: venue.name,
        epoch,
        seq,
        server_time: serverTime(),
        ...holdSettings(venue),
        rows: venue.rows,
        cols: venue.cols,
        ...(!confirmed && { stale: true as const }),
      };
      const json = Buffer.concat([Buffer.from(`${JSON.stringify(head).slice(0, -1)},"seats":`), bytes, closingBrace]);
      return reply
        .header('cache-control', 'no-store')
        .type(jsonType)
        .send(json as never);
    },
  );

  const eventsSchema = {
    tags: ['venue'],
    operationId: 'listEvents',
    summary: 'List the changes after a position',
    description:
      'Returns the transitions after a position. A reply without `events` means that the position is unknown or too old: read the whole venue.',
    querystring: EventsQuery,
    response: { 200: EventsAfter },
  };
  const isOwn = ownReaders(access);
  const maxBehind = Math.min(maxEventsPerReply, Math.max(minEventsBehind, seatCount));
  const eventsConfig = {
    points: pointsPerConfirm + pointsOf(maxBehind),
    apiDocument: { refusals: [...readRefusals, 'INVALID_REQUEST'] as const },
  };
  app.get(
    '/api/events',
    { schema: eventsSchema, serializerCompiler: () => String, config: eventsConfig },
    async (request, reply) => {
      const { epoch, after } = request.query;
      const history = await eventsAfter({ epoch, seq: Number(after) }, isOwn(request) ? Infinity : maxBehind);
      const { events, ...head } = history;
      const start = JSON.stringify(head).slice(0, -1);
      const json = events ? `${start},"events":[${events.map((event) => event.json).join(',')}]}` : `${start}}`;
      return reply
        .header('cache-control', 'no-store')
        .type(jsonType)
        .send(json as never);
    },
  );

  /** Without events if the position is not of this venue, or further behind than `maxBehind`. */
  async function eventsAfter(position: Position, maxBehind: number): Promise<EventsReply> {
    await service.confirm();
    const { epoch, seq } = service.view;
    const reply = { epoch, seq, server_time: serverTime() };
    const behind = seq - position.seq;
    if (position.epoch !== epoch || behind < 0 || behind > maxBehind) return reply;
    const recent = service.recent.between(position, { epoch, seq });
    if (recent) return { ...reply, events: recent.slice(0, maxEventsPerReply) };
    const { events, nowMs, ...newest } = await service.eventsAfter(position);
    if (!events) return { ...newest, server_time: nowMs / 1000 };
    service.recent.fill(events);
    return { ...newest, server_time: nowMs / 1000, events: events.map((event) => new RecentEvent(event)) };
  }

  function serverTime(): number {
    return Math.round(service.storeClock.nowMs()) / 1000;
  }
}

type EventsReply = Omit<EventsAfter, 'events'> & { events?: RecentEvent[] };

const closingBrace = Buffer.from('}');

/** Our own edges and tools may catch up from any distance; without limits every client may. */
function ownReaders(access: Access): (request: FastifyRequest) => boolean {
  if (!access.rateLimits) return () => true;
  const addressOf = countedAddress(access);
  return (request) => addressOf(request) === undefined;
}
