import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { natsUsers } from '../../src/launch/nats-users.ts';
import { redisUsers } from '../../src/launch/redis-users.ts';
import { startBooking, startEdge, startNats, startRedis, type TestServer } from '../support/servers.ts';

const patience = { timeout: 20_000, interval: 50 };
const [redisPassword, bookingPassword, edgePassword] = ['a-redis-password', 'a-booking-password', 'an-edge-password'];
const servers: TestServer[] = [];
let [redis, nats, booking, edge] = [] as unknown as [TestServer, TestServer, TestServer, TestServer];

const withUser = (url: string, user: string, password: string) => url.replace('//', `//${user}:${password}@`);

beforeAll(async () => {
  redis = await startRedis({ users: redisUsers({ keyPrefix: '', password: redisPassword }) });
  nats = await startNats({ users: natsUsers({ bookingPassword, edgePassword }) });
  servers.push(redis, nats);
  booking = await startBooking({
    redisUrl: withUser(redis.url, 'booking', redisPassword),
    natsUrl: withUser(nats.url, 'booking', bookingPassword),
    env: { HOLD_SECONDS: '1' },
  });
  servers.push(booking);
  edge = await startEdge({ natsUrl: withUser(nats.url, 'edge', edgePassword), bookingUrls: [booking.url] });
  servers.push(edge);
});
afterAll(async () => {
  for (const server of servers.reverse()) await server.stop();
});

const command = (action: string, seat_id: string) =>
  fetch(`${booking.url}/api/seats/${action}`, {
    method: 'POST',
    body: JSON.stringify({ seat_id, user_id: 'alice' }),
    headers: { 'content-type': 'application/json', 'idempotency-key': `${action}-${seat_id}-0123456789` },
  });

async function natsAs(user?: string, pass?: string): Promise<NatsConnection> {
  const connection = await connect({ servers: nats.url, ...(user && pass && { user, pass }) });
  onTestFinished(() => connection.close());
  return connection;
}

function redisAs(credentials: { username?: string; password?: string } = {}): Redis {
  const client = new Redis({ port: redis.port, ...credentials, maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** What a connection is told when it may not do what it tries to. */
async function refusalOf(connection: NatsConnection, action: () => unknown): Promise<string> {
  const told = (async () => {
    for await (const status of connection.status()) if (status.type === 'error') return String(status.error);
    return 'nothing';
  })();
  action();
  await connection.flush();
  return told;
}

describe('[R227] [G8] with passwords and no more rights than needed', () => {
  test('all that the system does it can do: hold, book, release, expire, publish, relay', async () => {
    const heard: string[] = [];
    const listener = await natsAs();
    listener.subscribe('seats.>', { callback: (_, message) => void heard.push(message.subject) });
    await listener.flush();
    for (const [action, seatId] of [
      ['select', 'A1'],
      ['book', 'A1'],
      ['select', 'A2'],
      ['release', 'A2'],
      ['select', 'A3'],
    ] as const) {
      expect((await command(action, seatId)).status, `${action} ${seatId}`).toBe(200);
    }
    const subjects = ['held', 'booked', 'held', 'released', 'held', 'released'].map((type) => `seats.${type}`);
    await vi.waitFor(() => expect(heard).toEqual(subjects), patience);
    await vi.waitFor(
      async () => expect(await (await fetch(`${booking.url}/metrics`)).text()).toContain('booking_events_unrelayed 0'),
      patience,
    );
    const { state } = await (
      await jetstreamManager(await natsAs('booking', bookingPassword), { checkAPI: false })
    ).streams.info('SEATS');
    expect(state.messages).toBe(6);
    expect((await fetch(`${edge.url}/ready`)).status).toBe(200);
  });

  test('Redis: whoever has no password may look, and nothing else', async () => {
    const viewer = redisAs();
    expect(await viewer.hlen('venue:seats')).toBe(100);
    expect(await viewer.ttl('seat:A1:lock')).toBe(-1);
    for (const forbidden of [
      () => viewer.set('seat:B1:lock', 'eve'),
      () => viewer.hset('venue:seats', 'A1', '{}'),
      () => viewer.del('seat:A1:lock'),
      () => viewer.flushall(),
      () => viewer.eval('return 1', 0),
      () => viewer.config('GET', '*'),
      () => viewer.acl('LIST'),
    ]) {
      await expect(forbidden()).rejects.toThrow(/NOPERM/);
    }
  });

  test("Redis: the booking service's password opens its own keys, and no command that it does not use", async () => {
    const service = redisAs({ username: 'booking', password: redisPassword });
    await expect(service.set('another:key', '1')).rejects.toThrow(/NOPERM/);
    await expect(service.eval("return redis.call('SET', 'another:key', '1')", 0)).rejects.toThrow(
      /NOPERM|can't|permission/i,
    );
    for (const forbidden of [() => service.flushall(), () => service.config('GET', '*'), () => service.keys('*')]) {
      await expect(forbidden()).rejects.toThrow(/NOPERM/);
    }
    await expect(redisAs({ username: 'booking', password: 'wrong' }).get('venue:seq')).rejects.toThrow();
  });

  test('NATS: an edge cannot make up a transition, a viewer nothing at all, and a wrong password opens nothing', async () => {
    const asEdge = await natsAs('edge', edgePassword);
    expect(await refusalOf(asEdge, () => asEdge.publish('seats.booked', '{}'))).toMatch(/Permissions Violation/i);
    const viewer = await natsAs();
    expect(await refusalOf(viewer, () => viewer.publish('presence.edges', '{}'))).toMatch(/Permissions Violation/i);
    await expect(connect({ servers: nats.url, user: 'booking', pass: 'wrong', reconnect: false })).rejects.toThrow(
      /Authorization/i,
    );
  });
});
