import { connect } from '@nats-io/transport-node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Heartbeat, SeatEvent } from '../../src/protocol/events.ts';
import type { VenueState } from '../../src/protocol/venue.ts';
import { patience } from '../support/patience.ts';
import { startBooking, startEdge, type TestServer } from '../support/servers.ts';
import { accessFrom, type SeveralShows, testShow } from '../support/several-shows.ts';
import { showsFolder } from '../support/show-files.ts';
import { useServers } from '../support/use-servers.ts';
import { TestClient, until } from '../unit/edge-fixture.ts';
import { realShows } from './shows-fixture.ts';

const shows = [testShow('main'), testShow('other')];
const servers = useServers();

const start = (options: Partial<Parameters<typeof realShows>[0]> = {}) => realShows({ shows, ...servers, ...options });

const venueOf = async ({ app }: SeveralShows, id: string): Promise<VenueState> =>
  (await app.inject({ url: `/api/shows/${id}/venue` })).json();
const positionOf = async (booking: SeveralShows, id: string) => {
  const { epoch, seq, stale } = await venueOf(booking, id);
  return { epoch, seq, ...(stale && { stale }) };
};
const heldBy = async (key: string, seatId: string) =>
  JSON.parse((await servers.admin.hget(key, seatId)) ?? '{}').held_by;
/** Reads retry after damage: the epoch ends with the first request that notices it. */
const reopened = (booking: SeveralShows, id: string, epoch: string) =>
  vi.waitFor(async () => {
    const after = await venueOf(booking, id);
    expect(after).toMatchObject({ epoch: expect.not.stringMatching(epoch) });
    expect(after.stale).toBeUndefined();
    return after;
  }, patience);

/** All messages on NATS from now on. */
async function heard<Body = SeatEvent>(subject: string): Promise<{ subject: string; body: Body }[]> {
  const connection = await connect({ servers: servers.nats.url });
  onTestFinished(() => connection.close());
  const messages: { subject: string; body: Body }[] = [];
  connection.subscribe(subject, {
    callback: (_, message) => void messages.push({ subject: message.subject, body: message.json() }),
  });
  await connection.flush();
  return messages;
}

test('[R621] the keys and subjects of a show are its own, although its seats have the ids of another show', async () => {
  const events = await heard('seats.>');
  const heartbeats = await heard('venue.>');
  const { post } = await start();
  await post('main/holds', { seats: ['A1', 'A2'], user_id: 'ann' });
  await post('other/holds', { seats: ['A1', 'A3'], user_id: 'bob' });
  await post('other/holds/book', { seats: ['A1'], user_id: 'bob' });
  expect(await heldBy('venue:seats', 'A1')).toBe('ann');
  expect(await heldBy('{other}:venue:seats', 'A1')).toBe('bob');
  const locks = async (pattern: string) => (await servers.admin.keys(pattern)).sort();
  expect(await locks('seat:*')).toEqual(['seat:A1:lock', 'seat:A2:lock']);
  expect(await locks('{other}:seat:*')).toEqual(['{other}:seat:A1:lock', '{other}:seat:A3:lock']);
  const whole = await locks('*venue:*');
  const plain = whole.filter((key) => !key.startsWith('{'));
  expect(whole.filter((key) => key.startsWith('{'))).toEqual(plain.map((key) => `{other}:${key}`).sort());

  await vi.waitFor(() => expect(events).toHaveLength(5), patience);
  const [ofMain, ofOther] = [await venueEpoch('venue:epoch'), await venueEpoch('{other}:venue:epoch')];
  expect(ofMain).not.toBe(ofOther);
  const told = events.map(
    ({ subject, body }) => `${subject} ${body.seat_id} ${body.epoch === ofMain ? 'main' : 'other'}`,
  );
  expect(told.sort()).toEqual([
    'seats.held A1 main',
    'seats.held A2 main',
    'seats.other.booked A1 other',
    'seats.other.held A1 other',
    'seats.other.held A3 other',
  ]);
  await vi.waitFor(() => {
    expect(
      new Set(heartbeats.map(({ subject, body }) => `${subject} ${body.epoch === ofMain ? 'main' : 'other'}`)),
    ).toEqual(new Set(['venue.heartbeat main', 'venue.other.heartbeat other']));
  }, patience);
});

const venueEpoch = (key: string) => servers.admin.get(key);

test('[R620] a booking process opens a show at its first request, and no other one', async () => {
  const [one, two] = [await start(), await start()];
  const gauge = async ({ app }: SeveralShows) =>
    /^\w*shows\S* (\d+)$/m.exec((await app.inject({ url: '/metrics' })).body)?.[1];
  await one.app.inject({ url: '/api/shows' });
  await one.app.inject({ url: '/api/shows/nowhere' });
  expect([one.opened(), await gauge(one)]).toEqual([['main'], '1']);
  expect((await servers.admin.keys('{other}*')).length).toBe(0);
  await one.app.inject({ url: '/api/shows/other' });
  expect([one.opened(), two.opened(), await gauge(one)]).toEqual([['main', 'other'], ['main'], '2']);
  await one.post('other/holds', { seats: ['A1'], user_id: 'ann' });
  expect((await venueOf(two, 'other')).seats[0]).toMatchObject({ id: 'A1', held_by: 'ann' });
});

describe('[R621] limits and memories of a show', () => {
  test('the limit of holds of a user is that of the show', async () => {
    const { post } = await start({ shows: [testShow('main'), testShow('other', { maxHolds: 3 })] });
    const hold = (id: string, seats: string[]) => post(`${id}/holds`, { seats, user_id: 'ann' });
    expect((await hold('other', ['A1', 'A2', 'A3'])).status).toBe(200);
    expect((await hold('other', ['A4'])).body.error.code).toBe('HOLD_LIMIT');
    expect((await hold('main', ['A1', 'A2', 'A3', 'A4', 'A5', 'B1'])).status, 'the six of the setting').toBe(200);
    expect((await hold('main', ['B2'])).body.error.code).toBe('HOLD_LIMIT');
    expect((await post('other/holds/release', { user_id: 'ann' })).status).toBe(200);
    expect((await hold('main', ['B2'])).body.error.code, 'released elsewhere').toBe('HOLD_LIMIT');
  });

  test('HOLDS_PER_ADDRESS counts for each show', async () => {
    const { post } = await start({ access: accessFrom({ HOLDS_PER_ADDRESS: '3' }) });
    const hold = (id: string, seat: string) => post(`${id}/holds`, { seats: [seat], user_id: `of-${id}-${seat}` });
    for (const seat of ['A1', 'A2', 'A3']) expect((await hold('main', seat)).status).toBe(200);
    expect((await hold('main', 'A4')).body.error).toMatchObject({ code: 'RATE_LIMITED' });
    for (const seat of ['A1', 'A2', 'A3']) expect((await hold('other', seat)).status).toBe(200);
    expect((await hold('other', 'A4')).body.error).toMatchObject({ code: 'RATE_LIMITED' });
  });

  test('a cool-down is of one show, and so is the hold time', async () => {
    const { post } = await start({
      shows: [testShow('main', { holdTtlMs: 300 }), testShow('other')],
      rules: { reholdCooldownMs: 60_000 },
    });
    const select = (id: string) => post(`${id}/seats/select`, { seat_id: 'A1', user_id: 'ann' });
    const { expires_at } = (await select('main')).body.seat;
    expect((await select('other')).body.seat.expires_at).toBeGreaterThan(expires_at + 20);
    await vi.waitFor(async () => expect(await heldBy('venue:seats', 'A1')).toBeUndefined(), patience);
    expect(await heldBy('{other}:venue:seats', 'A1')).toBe('ann');
    expect((await select('main')).body.error.code).toBe('COOLDOWN');
    expect((await post('other/seats/release', { seat_id: 'A1', user_id: 'ann' })).status).toBe(200);
    expect((await select('other')).status).toBe(200);
  });

  test('an idempotency key of one show says nothing about another', async () => {
    const { post } = await start();
    const key = { 'idempotency-key': 'the-same-key-of-both' };
    const hold = (id: string, attempt: string) =>
      post(`${id}/holds`, { seats: ['A1', 'A2'], user_id: 'ann' }, { ...key, 'x-attempt': attempt });
    await post('other/holds', { seats: ['B1'], user_id: 'bob' });
    expect((await hold('main', '1')).body.seats.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2]);
    expect((await hold('other', '2')).body.seats.map(({ seq }: { seq: number }) => seq)).toEqual([2, 3]);
    await post('main/holds/release', { user_id: 'ann' });
    expect(
      (await hold('main', '2')).body.seats.map(({ seq }: { seq: number }) => seq),
      'as it was',
    ).toEqual([1, 2]);
    expect((await venueOf(await start(), 'main')).seats[0]?.status).toBe(0);
  });
});

describe('[R621] [G1] damage to one show', () => {
  test('deleting the keys of a show ends its epoch only', async () => {
    const booking = await start();
    await booking.post('main/holds', { seats: ['A1'], user_id: 'ann' });
    await booking.post('other/holds', { seats: ['A1'], user_id: 'bob' });
    const [main, other] = [await positionOf(booking, 'main'), await positionOf(booking, 'other')];
    await servers.admin.del(...(await servers.admin.keys('{other}:*')));
    const after = await reopened(booking, 'other', other.epoch);
    expect(after.seats.every(({ status }) => status === 0)).toBe(true);
    expect(await positionOf(booking, 'main')).toEqual(main);
    expect((await booking.post('main/holds/book', { user_id: 'ann' })).status).toBe(200);

    await servers.admin.del('venue:seats');
    await reopened(booking, 'main', main.epoch);
    expect((await venueOf(booking, 'main')).seats[0], 'from the log').toMatchObject({ status: 2, held_by: 'ann' });
    expect((await positionOf(booking, 'other')).epoch).toBe(after.epoch);
  });

  test('a show that cannot be read is unavailable, and the others stay on sale', async () => {
    const booking = await start();
    const { epoch } = await positionOf(booking, 'other');
    await servers.admin.multi().del('{other}:venue:seats').set('{other}:venue:seats', 'no hash').exec();
    const refused = await booking.post('other/holds', { seats: ['A1'], user_id: 'bob' });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE', retryable: true } } });
    for (const seat of ['A1', 'A2', 'A3']) {
      expect((await booking.post('main/holds', { seats: [seat], user_id: 'ann' })).status).toBe(200);
    }
    expect((await booking.app.inject({ url: '/ready' })).statusCode).toBe(200);
    await servers.admin.del('{other}:venue:seats');
    await reopened(booking, 'other', epoch);
    expect((await booking.post('other/holds', { seats: ['A1'], user_id: 'bob' })).status).toBe(200);
  });

  test('a changed plan that would move a sold seat keeps that show closed, and no other one', async () => {
    const before = await start();
    await before.post('other/holds', { seats: ['B5'], user_id: 'bob' });
    await before.post('other/holds/book', { user_id: 'bob' });
    await before.app.close();
    const booking = await start({ shows: [testShow('main'), testShow('other', { rows: 1 })] });
    const refused = await booking.post('other/holds', { seats: ['A1'], user_id: 'ann' });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'STORE_UNAVAILABLE' } } });
    expect((await booking.post('main/holds', { seats: ['A1'], user_id: 'ann' })).status).toBe(200);
    expect((await booking.app.inject({ url: '/ready' })).statusCode).toBe(200);
    expect(await heldBy('{other}:venue:seats', 'B5')).toBe('bob');
  });
});

test('[R621] [R32] the log of each show is trimmed separately: many events of one do not trim another', async () => {
  const keepEvents = 10;
  const booking = await start({ store: { keepEvents } });
  await booking.post('main/holds', { seats: ['A1', 'A2', 'A3'], user_id: 'ann' });
  const main = await positionOf(booking, 'main');
  for (let i = 0; i < 60; i++) {
    await booking.post('other/holds', { seats: ['A1', 'A2', 'A3', 'A4'], user_id: 'bob' });
    await booking.post('other/holds/release', { user_id: 'bob' });
  }
  // XTRIM by whole nodes would be approximate; the log keeps what is not published yet as well.
  await vi.waitFor(async () => expect(await servers.admin.xlen('{other}:venue:events')).toBeLessThan(200), patience);
  expect(await servers.admin.xlen('venue:events')).toBe(3);
  const url = `/api/shows/main/events?epoch=${main.epoch}&after=0`;
  expect((await booking.app.inject({ url })).json().events).toHaveLength(3);
});

describe('on processes of their own', () => {
  interface System {
    bookings: TestServer[];
    edges: TestServer[];
  }

  async function startSystem(ids: readonly string[], { limits = {}, edges: edgeCount = 1 } = {}): Promise<System> {
    const env = { SHOWS_DIR: showsFolder(ids, { limits }), HOLD_SECONDS: '60' };
    const track = async (starting: Promise<TestServer>) => {
      const server = await starting;
      onTestFinished(() => server.stop());
      return server;
    };
    const links = { redisUrl: servers.redis.url, natsUrl: servers.nats.url, env };
    const bookings = await Promise.all([track(startBooking(links)), track(startBooking(links))]);
    const bookingUrls = bookings.map(({ url }) => url);
    const edges = await Promise.all(
      Array.from({ length: edgeCount }, () => track(startEdge({ natsUrl: servers.nats.url, bookingUrls, env }))),
    );
    return { bookings, edges };
  }

  async function watcher({ url }: TestServer, venue: string): Promise<TestClient> {
    const client = await new TestClient(`${url.replace('http', 'ws')}/ws`, ['seat-booking.v1']).opened();
    client.send({ type: 'CONNECT', data: { venue, user_id: 'watcher' } });
    await client.received('VENUE_STATE');
    return client;
  }

  const post = async ({ url }: TestServer, path: string, body: object) =>
    (await fetch(`${url}/api/shows/${path}`, { method: 'POST', body: JSON.stringify(body) })).json();

  test('[R1085] a heartbeat names its show, and has the rules of that show', async () => {
    const heartbeats = await heard<Heartbeat>('venue.>');
    const { edges } = await startSystem(['other'], { limits: { max_holds: 10 } });
    await watcher(edges[0] as TestServer, 'other');
    const seen = () => new Set(heartbeats.map(({ subject, body }) => `${subject} ${body.venue} ${body.max_holds}`));
    await vi.waitFor(() => expect(seen().size).toBe(2), patience);
    expect(seen()).toEqual(new Set(['venue.heartbeat main 6', 'venue.other.heartbeat other 10']));
  });

  test('[R621] [G5] two booking processes, two edges: every view of a show has the updates of that show, in order', async () => {
    const { bookings, edges } = await startSystem(['other'], { edges: 2, limits: { max_holds: 10 } });
    const views = await Promise.all(
      edges.flatMap((edge) => ['main', 'other'].map(async (id) => ({ id, client: await watcher(edge, id) }))),
    );
    const seats = ['A1', 'A2', 'A3', 'A4', 'A5', 'B1', 'B2', 'B3', 'B4', 'B5'];
    await Promise.all(
      seats.flatMap((seat_id, i) =>
        ['main', 'other'].map(async (id) => {
          const [one, two] = (i % 2 ? bookings : [...bookings].reverse()) as [TestServer, TestServer];
          const user_id = `${id}-${seat_id}`;
          expect(await post(one, `${id}/seats/select`, { seat_id, user_id })).toMatchObject({ success: true });
          expect(await post(two, `${id}/seats/book`, { seat_id, user_id })).toMatchObject({ success: true });
        }),
      ),
    );
    for (const { id, client } of views) {
      await until(() => client.seqs.length >= 20, `20 updates of ${id}`);
      expect(client.seqs).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      const updates = client.ofType('SEAT_UPDATE').map(({ data }) => data);
      expect(updates.filter(({ held_by, seat_id }) => held_by !== `${id}-${seat_id}`)).toEqual([]);
    }
  });

  test('[R620] [G3] [R81] a hold ends on time although the only process that had opened its show was killed', async () => {
    const { bookings, edges } = await startSystem(['other'], { limits: { hold_seconds: 5 } });
    const [killed, left] = bookings as [TestServer, TestServer];
    const opened = async ({ url }: TestServer) =>
      /^\w*shows\S* (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
    const client = await watcher(edges[0] as TestServer, 'other');
    // The edge tries the first process of its list.
    expect([await opened(killed), await opened(left)]).toEqual(['2', '1']);
    await post(killed, 'other/holds', { seats: ['A1', 'A2'], user_id: 'ann' });
    const { expires_at = 0 } = (await client.received('SEAT_UPDATE')).data;
    await killed.kill('SIGKILL');
    const end = await client.received('SEAT_UPDATE', 4);
    expect(end.data).toMatchObject({ status: 0 });
    expect(await opened(left)).toBe('2');
    const ends = (await servers.admin.xrange('{other}:venue:events', '3', '+')).map(([, fields]) =>
      Number(fields[fields.indexOf('at_ms') + 1]),
    );
    const lateMs = ends.map((endMs) => endMs - expires_at * 1000);
    process.stdout.write(
      `holds of a show whose process was killed ended ${lateMs.map((ms) => ms.toFixed(0)).join(' and ')} ms late\n`,
    );
    expect(ends).toHaveLength(2);
    expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateMs), 'on a busy machine').toBeLessThan(1_000);
  });

  test('[R620] [G3] a hold that expired while no process had the show open has ended at the first request', async () => {
    const { bookings } = await startSystem(['other'], { edges: 0, limits: { hold_seconds: 1 } });
    const [killed, left] = bookings as [TestServer, TestServer];
    const { expires_at } = (await post(killed, 'other/holds', { seats: ['A1'], user_id: 'ann' })) as {
      expires_at: number;
    };
    await killed.kill('SIGKILL');
    await vi.waitFor(() => expect(Date.now() / 1000).toBeGreaterThan(expires_at + 0.1), patience);
    expect(await heldBy('{other}:venue:seats', 'A1'), 'nobody has ended it').toBe('ann');
    expect(await post(left, 'other/holds', { seats: ['A1'], user_id: 'bob' })).toMatchObject({ success: true });
    expect(await heldBy('{other}:venue:seats', 'A1')).toBe('bob');
  });
});
