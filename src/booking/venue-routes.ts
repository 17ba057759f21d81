import type { FastifyRequest, FastifySchema } from 'fastify';
import fresh from 'fresh';
import { type Static, Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { jsonType } from '../http/json-type.ts';
import { RefusedError } from '../http/refused-error.ts';
import type { Access } from '../identity/access.ts';
import { countedAddress } from '../identity/counted-address.ts';
import { ErrorReply } from '../protocol/commands.ts';
import { EventsAfter } from '../protocol/events.ts';
import { Seat } from '../protocol/seat.ts';
import { type Position, VenueState } from '../protocol/venue.ts';
import { RecentEvent } from '../venue/recent-events.ts';
import type { BookingAppOptions } from './app-options.ts';
import { pointsOf } from './points.ts';
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
/** Of one reply to our own edges, and to anybody in a large venue. */
const maxEventsPerReply = 1_024;
/** A reader that is further behind is answered without events, unless the whole venue is larger than they are. */
const minEventsBehind = 100;
/** For the question to the store, which comes before each read. */
const pointsPerConfirm = 1;
const staleRefused = 'Redis cannot be reached from this booking process; another one may reach it';

type ReadHeaders = Static<typeof ReadHeaders>;

/** `GET /api/seats`, `/api/venue`, `/api/events`: what everybody may read. */
export function registerVenueRoutes(app: HttpApp, { service, venue, access, logger }: BookingAppOptions): void {
  const seatsJson = new SeatsJson(service.view);
  const seatCount = venue.rows * venue.cols;
  const config = { points: pointsPerConfirm + pointsOf(seatCount) };

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
    { schema: seatsSchema, serializerCompiler: () => String, config },
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
  app.get(
    '/api/venue',
    { schema: venueSchema, serializerCompiler: () => String, config },
    async ({ headers }, reply) => {
      const confirmed = await isConfirmed(headers);
      const { epoch, seq, bytes } = seatsJson.current();
      const head: Omit<VenueState, 'seats'> = {
        ...(service.system !== undefined && { system: service.system }),
        venue: venue.name,
        epoch,
        seq,
        server_time: serverTime(),
        hold_seconds: venue.holdTtlMs / 1000,
        max_holds: venue.maxHoldsPerUser,
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
    description:
      'What happened after a position. Without `events`: it cannot be told from there, take the whole venue.',
    querystring: EventsQuery,
    response: { 200: EventsAfter, 400: ErrorReply, 503: ErrorReply, 504: ErrorReply },
  };
  const isOwn = ownReaders(access);
  const maxBehind = Math.min(maxEventsPerReply, Math.max(minEventsBehind, seatCount));
  const eventsConfig = { points: pointsPerConfirm + pointsOf(maxBehind) };
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

  /** Without events for a position that is not of this venue, or further behind than `maxBehind`. */
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

/** Our own edges and tools may catch up at any distance; so may everybody where nothing is limited. */
function ownReaders(access: Access): (request: FastifyRequest) => boolean {
  if (!access.rateLimits) return () => true;
  const addressOf = countedAddress(access);
  return (request) => addressOf(request) === undefined;
}
