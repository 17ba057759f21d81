import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { natsUsers } from '../../src/launch/nats-users.ts';
import { portState } from '../../src/launch/ports.ts';
import { redisUsers } from '../../src/launch/redis-users.ts';
import { patience } from '../support/patience.ts';
import { startBooking, startEdge, startNats, startRedis, type TestServer } from '../support/servers.ts';

const passwords = { admin: 'an-admin-password', booking: 'a-booking-password', edge: 'an-edge-password' };
const servers: TestServer[] = [];
let [redis, nats, booking, edge] = [] as unknown as [TestServer, TestServer, TestServer, TestServer];

const as = (user: 'booking' | 'edge', url: string) => url.replace('//', `//${user}:${passwords[user]}@`);

beforeAll(async () => {
  const { admin: adminPassword, booking: bookingPassword, edge: edgePassword } = passwords;
  redis = await startRedis({ users: redisUsers({ keyPrefix: '', adminPassword, bookingPassword }) });
  nats = await startNats({ users: natsUsers({ bookingPassword, edgePassword }) });
  servers.push(redis, nats);
  booking = await startBooking({
    redisUrl: as('booking', redis.url),
    natsUrl: as('booking', nats.url),
    env: { HOLD_SECONDS: '1' },
  });
  servers.push(booking);
  edge = await startEdge({ natsUrl: as('edge', nats.url), bookingUrls: [booking.url] });
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

const statusOf = async (seatId: string): Promise<number | undefined> => {
  const seats = (await (await fetch(`${booking.url}/api/seats`)).json()) as { id: string; status: number }[];
  return seats.find(({ id }) => id === seatId)?.status;
};

/** Without a name: as a client without a password. */
async function natsAs(user?: 'booking'): Promise<NatsConnection> {
  const connection = await connect({ servers: nats.url, ...(user && { user, pass: passwords[user] }) });
  onTestFinished(() => connection.close());
  return connection;
}

function redisAs(username: string, password: string): Redis {
  const client = new Redis({ port: redis.port, username, password, maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

interface Tried {
  publish: string[];
  subscribe: string[];
}

/** The subjects that NATS refuses. */
async function refusedTo(user: 'booking' | 'edge' | 'viewer', tried: Tried): Promise<string[]> {
  const lines = [
    ...tried.publish.map((subject) => `PUB ${subject} 2\r\n{}`),
    ...tried.subscribe.map((subject, sid) => `SUB ${subject} ${sid}`),
  ];
  const refusals = await refusalsOf(lines, user === 'viewer' ? {} : { user, pass: passwords[user] });
  return everyOneOf(tried).filter((action) => refusals.includes(action));
}

/** The lines of the protocol that NATS refuses; it reports them before it replies to the PING. */
async function refusalsOf(sent: string[], login: object = {}): Promise<string[]> {
  const lines = [`CONNECT ${JSON.stringify({ ...login, verbose: false, protocol: 1 })}`, ...sent, 'PING'];
  const socket = createConnection({ port: nats.port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.write(lines.map((line) => `${line}\r\n`).join(''));
  let said = '';
  for await (const chunk of socket) {
    said += chunk;
    if (said.includes('PONG\r\n')) break;
  }
  expect(said).toContain('PONG');
  return [...said.matchAll(/-ERR 'Permissions Violation for (.*)'/g)].map(([, action = '']) => action);
}

const everyOneOf = ({ publish, subscribe }: Tried): string[] => [
  ...publish.map((subject) => `Publish to "${subject}"`),
  ...subscribe.map((subject) => `Subscription to "${subject}"`),
];

const answerTo = (client: Redis, [name = '', ...args]: string[]): Promise<string> =>
  client.call(name, ...args).then(String, (error: Error) => error.message);

async function answersAt(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port });
  onTestFinished(() => void socket.destroy());
  return once(socket, 'connect').then(
    () => true,
    () => false,
  );
}

const forbiddenToAll = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['CONFIG', 'GET', '*'],
  ['CONFIG', 'SET', 'appendonly', 'no'],
  ['KEYS', '*'],
  ['ACL', 'LIST'],
  ['SHUTDOWN', 'NOSAVE'],
  ['REPLICAOF', 'localhost', '1'],
  ['SCRIPT', 'FLUSH'],
  ['MONITOR'],
  ['BGREWRITEAOF'],
];

/** The payload of JetStream's replies to these goes to the subject that the request names. */
const attacks = [
  ['$JS.API.INFO', 'seats.held', ''],
  ['$JS.API.STREAM.NAMES', 'seats.held', ''],
  ['$JS.API.STREAM.INFO.SEATS', 'venue.heartbeat', ''],
  ['$JS.API.STREAM.MSG.GET.SEATS', 'seats.x', '{"seq":1}'],
  ['seats.held', '', '{"type":"held"}'],
] as const;

const streamChanges = ['DELETE', 'PURGE', 'UPDATE', 'MSG.DELETE'].map((verb) => `$JS.API.STREAM.${verb}.SEATS`);

describe('[R227] [G8] with passwords and no more rights than needed', () => {
  test('the system has the rights for its work: hold, book, release, expire, publish, relay', async () => {
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
    const { streams } = await jetstreamManager(await natsAs('booking'), { checkAPI: false });
    const { state } = await streams.info('SEATS');
    expect(state.messages).toBe(6);
    expect((await fetch(`${edge.url}/ready`)).status).toBe(200);
    // No process tries a forbidden command either.
    expect(readFileSync(nats.logFile, 'utf8')).not.toMatch(/violation/i);
    expect(await redisAs('default', passwords.admin).acl('LOG')).toEqual([]);
  });

  test('Redis: the booking service may run the commands of its scripts and its client, and no others', () => {
    const scripts = readdirSync('src/store/lua').filter((name) => name.endsWith('.lua'));
    const called = scripts.flatMap((name) =>
      [...readFileSync(join('src/store/lua', name), 'utf8').matchAll(/redis\.p?call\('(\w+)'/g)].map(
        ([, each]) => each,
      ),
    );
    const asked = ['EVAL', 'EVALSHA', 'GET', 'MGET', 'INFO', 'PING', 'HELLO'];
    const users = redisUsers({ keyPrefix: '', adminPassword: '', bookingPassword: '' });
    const line = users.split('\n').find((each) => each.startsWith('user booking ')) ?? '';
    const allowed = [...line.matchAll(/ \+(\S+)/g)].map(([, each]) => each?.toUpperCase());
    expect(allowed.toSorted()).toEqual([...new Set([...called, ...asked])].toSorted());
  });

  test('Redis: a client without a password may only read', async () => {
    const viewer = redisAs('viewer', 'anything');
    expect(await viewer.hlen('venue:seats')).toBe(100);
    expect(await viewer.ttl('seat:A1:lock')).toBe(-1);
    for (const command of [
      ['SET', 'seat:B1:lock', 'eve'],
      ['HSET', 'venue:seats', 'A1', '{}'],
      ['DEL', 'seat:A1:lock'],
      ['GET', 'another:key'],
      ['EVAL', 'return 1', '0'],
      ['XREAD', 'BLOCK', '0', 'STREAMS', 'venue:events', '$'],
      ['CLIENT', 'PAUSE', '1000'],
      ['CLIENT', 'KILL', 'TYPE', 'normal'],
      ...forbiddenToAll,
    ]) {
      expect(await answerTo(viewer, command), command.join(' ')).toMatch(/NOPERM/);
    }
  });

  test('Redis: a client without a login, or with a wrong password, gets no data', async () => {
    const nobody = new Redis({ port: redis.port, maxRetriesPerRequest: 0 });
    nobody.on('error', () => {});
    onTestFinished(() => nobody.disconnect());
    expect(await answerTo(nobody, ['GET', 'venue:seq'])).toMatch(/NOAUTH/);
    for (const user of ['booking', 'default'])
      expect(await answerTo(redisAs(user, 'wrong'), ['GET', 'venue:seq'])).toMatch(/WRONGPASS|NOAUTH/);
  });

  test('[R364] Redis: clients that do not read their replies are disconnected, and take little memory', async () => {
    const admin = redisAs('default', passwords.admin);
    const usedMb = async () => Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]) / 1024 ** 2;
    await admin.set('venue:large', 'x'.repeat(1024 ** 2));
    const beforeMb = await usedMb();
    for (let i = 0; i < 8; i++) {
      const socket = createConnection({ port: redis.port, host: '127.0.0.1' }).pause();
      onTestFinished(() => void socket.destroy());
      socket.on('error', () => {});
      socket.write(`AUTH viewer -\r\n${'GET venue:large\r\n'.repeat(200)}`);
    }
    let peakMb = 0;
    await vi.waitFor(async () => {
      peakMb = Math.max(peakMb, await usedMb());
      expect(await admin.call('CLIENT', 'LIST', 'TYPE', 'normal')).not.toMatch(/user=viewer/);
      expect(Number(/cmdstat_get:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1])).toBeGreaterThan(8);
    }, patience);
    expect(peakMb - beforeMb).toBeLessThan(150);
    await admin.del('venue:large');
  });

  test('[R364] Redis: a request that does not end is cut off; transactions, and commands that list all keys, are refused', async () => {
    const socket = createConnection({ port: redis.port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('AUTH viewer -\r\n*2\r\n$3\r\nGET\r\n$400000000\r\n');
    socket.write('x'.repeat(8 * 1024 ** 2));
    await closed;
    const viewer = redisAs('viewer', 'anything');
    for (const refused of [
      ['MULTI'],
      ['SCAN', '0', 'COUNT', '1000000000'],
      ['HSCAN', 'venue:seats', '0', 'COUNT', '1000000000'],
    ])
      expect(await answerTo(viewer, refused), refused.join(' ')).toMatch(/NOPERM/);
  });

  test("Redis: the booking service's password opens its own keys, and no command that it does not use", async () => {
    const service = redisAs('booking', passwords.booking);
    expect(await service.get('venue:seq')).toMatch(/^\d+$/);
    for (const command of [['SET', 'another:key', '1'], ['GET', 'another:key'], ['SCAN', '0'], ...forbiddenToAll])
      expect(await answerTo(service, command), command.join(' ')).toMatch(/NOPERM/);
    const inScript = await answerTo(service, ['EVAL', "return redis.call('SET', 'another:key', '1')", '0']);
    expect(inScript).toMatch(/NOPERM|can't access|No permissions/i);
    expect(await redisAs('default', passwords.admin).exists('another:key')).toBe(0);
  });

  test('NATS: an edge publishes the number of its browsers, and no message of the booking service', async () => {
    const tried = {
      publish: ['seats.held', 'seats.released', 'seats.booked', 'venue.heartbeat', ...streamChanges, 'another'],
      subscribe: ['$SYS.>', '$JS.>', '_INBOX.>', '>', 'another'],
    };
    expect(await refusedTo('edge', tried)).toEqual(everyOneOf(tried));
    expect(await refusedTo('edge', { publish: ['presence.edges'], subscribe: ['seats.>'] })).toEqual([]);
  });

  test('NATS: the booking service cannot publish as an edge, nor delete, empty or change the stream', async () => {
    const tried = { publish: ['presence.edges', 'seats.sold', ...streamChanges], subscribe: ['$SYS.>', '$JS.>', '>'] };
    expect(await refusedTo('booking', tried)).toEqual(everyOneOf(tried));
  });

  test('[R356] NATS: a request without a password reaches no subject and no stream', async () => {
    const received: string[] = [];
    const trusting = await natsAs('booking');
    for (const subject of ['seats.>', 'venue.heartbeat', '_INBOX.>'])
      trusting.subscribe(subject, {
        callback: (_, message) => void (message.string().includes('"type":"io.nats') && received.push(message.subject)),
      });
    await trusting.flush();
    const { streams } = await jetstreamManager(trusting, { checkAPI: false });
    const messages = async () => (await streams.info('SEATS')).state.messages;
    const before = await messages();
    const lines = attacks.map(([subject, reply, body]) => `PUB ${subject} ${reply} ${body.length}\r\n${body}`);
    expect(await refusalsOf(lines)).toEqual(attacks.map(([subject]) => `Publish to "${subject}"`));
    await trusting.flush();
    received.length = 0; // replies to this test's own request
    expect(await messages()).toBe(before);
    await trusting.flush();
    expect(received.filter((subject) => !subject.startsWith('_INBOX'))).toEqual([]);
  });

  test('NATS: a connection without a password subscribes to events, and publishes nothing', async () => {
    const publish = [
      'seats.booked',
      'venue.heartbeat',
      'presence.edges',
      ...streamChanges,
      '$JS.API.STREAM.CREATE.EVE',
    ];
    const tried = { publish, subscribe: ['$SYS.>', '$JS.>', '_INBOX.>', '>'] };
    expect(await refusedTo('viewer', tried)).toEqual(everyOneOf(tried));
    expect(await refusedTo('viewer', { publish: [], subscribe: ['seats.>'] })).toEqual([]);
    for (const user of ['booking', 'edge']) {
      const wrong = connect({ servers: nats.url, user, pass: 'wrong', reconnect: false });
      await expect(wrong).rejects.toThrow(/Authorization/i);
    }
  });

  test("Redis, NATS and NATS's monitoring reply at this address of this machine, and at no other", async () => {
    const monitorPort = Number(/http monitor on 127\.0\.0\.1:(\d+)/.exec(readFileSync(nats.logFile, 'utf8'))?.[1]);
    expect((await fetch(`http://127.0.0.1:${monitorPort}/healthz`)).status).toBe(200);
    for (const port of [redis.port, nats.port, monitorPort]) {
      expect(await portState(port, '127.0.0.1')).toBe('in use');
      // A server of every address would be here too.
      expect(await answersAt('127.0.0.2', port)).toBe(false);
    }
  });
});

describe('[R228] [G2] with these users, bookings survive', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)('%s of Redis', async (signal) => {
    const seatId = signal === 'SIGTERM' ? 'C1' : 'C2';
    expect((await command('select', seatId)).status).toBe(200);
    expect((await command('book', seatId)).status).toBe(200);
    const admin = redisAs('default', passwords.admin);
    // No hold may end in between.
    await vi.waitFor(
      async () => expect((await admin.hvals('venue:seats')).join()).not.toContain('"status":1'),
      patience,
    );
    const before = { seats: await admin.hgetall('venue:seats'), events: await admin.xlen('venue:events') };
    admin.disconnect();
    await redis.kill(signal);
    await redis.restart();
    const again = redisAs('default', passwords.admin);
    expect(await again.hgetall('venue:seats')).toEqual(before.seats);
    expect(await again.xlen('venue:events')).toBe(before.events);
    expect(await again.ttl(`seat:${seatId}:lock`)).toBe(-1);
    await vi.waitFor(async () => expect(await statusOf(seatId)).toBe(2), patience);
    await vi.waitFor(
      async () => expect((await command('select', signal === 'SIGTERM' ? 'D1' : 'D2')).status).toBe(200),
      patience,
    );
  });

  test('the log was rewritten and Redis is killed', async () => {
    expect((await command('select', 'C3')).status).toBe(200);
    expect((await command('book', 'C3')).status).toBe(200);
    const admin = redisAs('default', passwords.admin);
    await admin.bgrewriteaof();
    await vi.waitFor(
      async () => expect(await admin.info('persistence')).toMatch(/aof_rewrite_in_progress:0\r\n[\s\S]*aof_rewrites:1/),
      patience,
    );
    expect((await command('select', 'C4')).status).toBe(200);
    expect((await command('book', 'C4')).status).toBe(200);
    admin.disconnect();
    await redis.kill('SIGKILL');
    await redis.restart();
    for (const seatId of ['C3', 'C4']) await vi.waitFor(async () => expect(await statusOf(seatId)).toBe(2), patience);
  });
});
