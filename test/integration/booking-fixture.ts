import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { onTestFinished, vi } from 'vitest';
import type { EventBus } from '../../src/events/event-bus.ts';
import { NatsEventBus } from '../../src/events/nats-event-bus.ts';
import { NatsLink } from '../../src/events/nats-link.ts';
import type { Access } from '../../src/identity/access.ts';
import { newSessionKey, parseSessionKeys } from '../../src/identity/session-keys.ts';
import { Sessions } from '../../src/identity/sessions.ts';
import type { ErrorReply, UserAction } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { type OneShow, oneShow } from '../support/one-show.ts';
import { patience } from '../support/patience.ts';
import { connectedStore } from '../support/redis-store.ts';
import { startNats, startRedis, type TestServer } from '../support/servers.ts';
import { silent } from '../support/silent.ts';

export interface BookingOptions {
  redis: TestServer;
  nats: TestServer;
  holdSeconds?: number;
  access?: Partial<Access>;
  maxHoldsPerUser?: number;
}

export type TestBooking = OneShow & {
  bus: EventBus;
  command(action: UserAction, seatId: string, userId: string): Promise<CommandOutcome>;
  seat(seatId: string): Promise<Seat>;
  /** `available`, `held`, `expiring` or `booked`: the state of the seat's actor. */
  actorState(seatId: string): string | undefined;
};

interface CommandOutcome {
  status: number;
  body: { success: boolean; seat?: Seat; error?: ErrorReply['error'] };
}

/** A Redis and a NATS for this test only, which may kill them. */
export async function ownServers(): Promise<{ redis: TestServer; nats: TestServer; admin: Redis }> {
  const [redis, nats] = await Promise.all([startRedis(), startNats()]);
  const admin = new Redis(redis.url);
  admin.on('error', () => {}); // the test kills the server on purpose
  onTestFinished(async () => {
    admin.disconnect();
    await Promise.all([redis.stop(), nats.stop()]);
  });
  return { redis, nats, admin };
}

/** As on a developer's machine, without limits. */
export function testAccess(overrides: Partial<Access> = {}): Access {
  const sessions = new Sessions({ keys: parseSessionKeys(newSessionKey()), ttlMs: 3_600_000, maxAgeMs: 86_400_000 });
  return {
    sessions,
    sessionCookie: 'session',
    authMode: 'guest',
    allowedHosts: [],
    allowedOrigins: [],
    trustedProxies: ['127.0.0.1'],
    rateLimits: undefined,
    ...overrides,
  };
}

/** The service of a booking process on real servers, without waiting for it to open. */
export async function newBooking(options: BookingOptions): Promise<TestBooking> {
  const { redis, nats, holdSeconds = 30, access = {}, maxHoldsPerUser = 100 } = options;
  const venue = { name: 'main', rows: 10, cols: 10, holdTtlMs: holdSeconds * 1000, maxHoldsPerUser };
  const { servers, store } = connectedStore({ ...venue, url: redis.url });
  const link = NatsLink.connect({ url: nats.url, name: 'test', logger: silent });
  const bus = new NatsEventBus(link);
  const closeConnections = async () => {
    await link.close();
    servers.close();
  };
  const booking = await oneShow({ venue, store, bus, closeConnections, access: testAccess(access) });
  booking.service.start();
  const { app, service } = booking;
  return {
    ...booking,
    bus,
    async command(action, seat_id, user_id) {
      const reply = await app.inject({ method: 'POST', url: `/api/seats/${action}`, payload: { seat_id, user_id } });
      return { status: reply.statusCode, body: reply.json() };
    },
    async seat(seatId) {
      const seats: Seat[] = (await app.inject({ url: '/api/seats' })).json();
      return seats.find(({ id }) => id === seatId) as Seat;
    },
    actorState(seatId) {
      return service.seatActors.actor(seatId)?.getSnapshot().value;
    },
  };
}

/** Closed when the test has finished; ready when this returns. */
export async function startedBooking(options: BookingOptions): Promise<TestBooking> {
  const booking = await newBooking(options);
  onTestFinished(async () => {
    await booking.app.close();
  });
  await becomesReady(booking);
  return booking;
}

export const becomesReady = (booking: OneShow) =>
  vi.waitFor(async () => {
    const { statusCode } = await booking.app.inject({ url: '/ready' });
    if (statusCode !== 200) throw new Error(`/ready answers ${statusCode}`);
  }, patience);

/** The messages on `seats.>`, as any subscriber of NATS receives them. */
export async function natsListener(nats: TestServer): Promise<{ subject: string; event: SeatEvent }[]> {
  const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const heard: { subject: string; event: SeatEvent }[] = [];
  connection.subscribe('seats.>', {
    callback: (_, message) => {
      heard.push({ subject: message.subject, event: message.json() });
    },
  });
  await connection.flush();
  onTestFinished(() => connection.close());
  return heard;
}

/** The stored messages of the stream, in its order. */
export async function storedEvents(nats: TestServer): Promise<SeatEvent[]> {
  const connection = await connect({ servers: nats.url });
  try {
    const { streams } = await jetstreamManager(connection);
    const { messages, last_seq } = (await streams.info('SEATS')).state;
    const events: SeatEvent[] = [];
    for (let seq = last_seq - messages + 1; seq <= last_seq; seq++) {
      const stored = await streams.getMessage('SEATS', { seq });
      if (stored) events.push(stored.json());
    }
    return events;
  } finally {
    await connection.close();
  }
}
