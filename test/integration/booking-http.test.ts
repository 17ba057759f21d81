import { type AddressInfo, connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { patience } from '../support/patience.ts';
import { useServers } from '../support/use-servers.ts';
import { becomesReady, newBooking, type TestBooking } from './booking-fixture.ts';

const servers = useServers();
let booking: TestBooking;

beforeAll(async () => {
  booking = await newBooking(servers);
  await becomesReady(booking);
});
afterAll(async () => {
  await booking?.app.close();
});
beforeEach(async () => {
  await becomesReady(booking);
  await vi.waitFor(async () => expect((await booking.app.inject({ url: '/api/venue' })).json().seq).toBe(0), patience);
});

const ask = (options: InjectOptions) => booking.app.inject(options);
const post = (url: string, payload: InjectOptions['payload'], headers?: Record<string, string>) =>
  ask({ method: 'POST', url, ...(payload !== undefined && { payload }), ...(headers && { headers }) });

describe('[R36] [G4] Idempotency-Key', () => {
  const headers = { 'idempotency-key': '0123456789abcdef' };

  test('a command takes effect once: a retry gets the same reply', async () => {
    await booking.command('select', 'A1', 'alice');
    const release = { seat_id: 'A1', user_id: 'alice' };
    const first = await post('/api/seats/release', release, headers);
    await booking.command('select', 'A1', 'bob');
    const again = await post('/api/seats/release', release, { ...headers, 'x-attempt': '2' });
    expect([again.statusCode, again.json()]).toEqual([first.statusCode, first.json()]);
    expect((await booking.seat('A1')).held_by).toBe('bob');
  });

  test.each([
    [{ 'idempotency-key': 'short' }],
    [{ 'idempotency-key': 'with a space, and more' }],
    [{ ...headers, 'x-attempt': 'two' }],
  ])('one that cannot be used is refused: %j', async (wrong) => {
    const reply = await post('/api/seats/select', { seat_id: 'A1', user_id: 'alice' }, wrong);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  });
});

describe('reading', () => {
  test('[R70] GET /api/seats: an array of 100, in row-major order', async () => {
    const reply = await ask({ url: '/api/seats' });
    expect(reply.statusCode).toBe(200);
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
    const seats = reply.json();
    expect(seats).toHaveLength(100);
    expect(seats[0]).toEqual({ id: 'A1', row: 0, col: 0, status: 0, seq: 0 });
    expect(seats[99]).toEqual({ id: 'J10', row: 9, col: 9, status: 0, seq: 0 });
  });

  test('[R70] its ETag is the position: 304 until a transition, then a new one', async () => {
    const first = await ask({ url: '/api/seats' });
    const etag = first.headers.etag as string;
    const { epoch, seq } = (await ask({ url: '/api/venue' })).json();
    expect(etag).toBe(`"${epoch}:${seq}"`);
    const headers = { 'if-none-match': etag };
    const unchanged = await ask({ url: '/api/seats', headers });
    expect(unchanged.statusCode).toBe(304);
    expect(unchanged.body).toBe('');
    expect(unchanged.headers.etag).toBe(etag);

    await booking.command('select', 'A1', 'alice');
    const changed = await ask({ url: '/api/seats', headers });
    expect(changed.statusCode).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
    expect(changed.json()[0]).toMatchObject({ status: 1, held_by: 'alice' });
  });

  // By RFC 9110 the comparison is weak: a proxy that compresses makes the ETag a weak one.
  test.each([
    ['weak', (etag: string) => `W/${etag}`],
    ['one of a list', (etag: string) => `"another", ${etag}`],
    ['any', () => '*'],
  ])('[R70] an If-None-Match that is %s counts as well', async (_, header) => {
    const { etag } = (await ask({ url: '/api/seats' })).headers;
    const reply = await ask({ url: '/api/seats', headers: { 'if-none-match': header(etag as string) } });
    expect(reply.statusCode).toBe(304);
  });

  test('[R71] GET /api/venue: the seats and the position that they show', async () => {
    const reply = await ask({ url: '/api/venue' });
    expect(reply.statusCode).toBe(200);
    const venue = reply.json();
    expect(Object.keys(venue).sort()).toEqual(
      [
        'system',
        'venue',
        'epoch',
        'seq',
        'server_time',
        'hold_seconds',
        'max_holds',
        'hold_extensions',
        'rows',
        'cols',
        'plan',
        'seats',
      ].sort(),
    );
    expect(venue).toMatchObject({ venue: 'main', seq: 0, hold_seconds: 30, max_holds: 100, rows: 10, cols: 10 });
    expect(venue.epoch).toBe(await servers.admin.get('venue:epoch'));
    expect(venue.seats).toEqual((await ask({ url: '/api/seats' })).json());
    const [seconds] = await servers.admin.time();
    expect(Math.abs(venue.server_time - Number(seconds))).toBeLessThan(5);
  });

  test('[R72] GET /api/events: the events after a position', async () => {
    const { epoch } = (await ask({ url: '/api/venue' })).json();
    await booking.command('select', 'A1', 'alice');
    await booking.command('book', 'A1', 'alice');
    const all = (await ask({ url: `/api/events?epoch=${epoch}&after=0` })).json();
    expect(all).toMatchObject({
      epoch,
      seq: 2,
      events: [
        { type: 'held', seq: 1 },
        { type: 'booked', seq: 2 },
      ],
    });
    expect((await ask({ url: `/api/events?epoch=${epoch}&after=1` })).json().events).toHaveLength(1);
    const foreign = (await ask({ url: '/api/events?epoch=another&after=0' })).json();
    expect(foreign).toMatchObject({ epoch, seq: 2 });
    expect(foreign).not.toHaveProperty('events');
  });

  test('[R72] a position that is ahead of the venue is ignored, and affects no other client', async () => {
    const { epoch } = (await ask({ url: '/api/venue' })).json();
    await booking.command('select', 'A1', 'alice');
    const reply = await ask({ url: `/api/events?epoch=${epoch}&after=999999` });
    expect(reply.statusCode).toBeLessThan(600);
    expect(reply.json()).not.toHaveProperty('events');
    expect((await ask({ url: '/api/venue' })).json()).toMatchObject({ epoch, seq: 1 });
  });

  test('[R73] /health, /ready, /metrics, /api/docs', async () => {
    expect((await ask({ url: '/health' })).json()).toEqual({ status: 'ok' });
    expect((await ask({ url: '/ready' })).statusCode).toBe(200);
    await booking.command('select', 'A1', 'alice');
    const metrics = await ask({ url: '/metrics' });
    expect(metrics.headers['content-type']).toMatch(/^text\/plain/);
    expect(metrics.body).toMatch(/^booking_commands_total\{action="select",outcome="OK"\} [1-9]/m);
    const docs = (await ask({ url: '/api/docs/json' })).json();
    for (const path of ['/api/seats', '/api/venue', '/api/seats/select', '/api/seats/book', '/api/seats/release']) {
      expect(Object.keys(docs.paths)).toContain(path);
    }
  });
});

describe('commands', () => {
  test('[R74] select, book, release: 200 with the seat', async () => {
    const { status, body } = await booking.command('select', 'A1', 'alice');
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      seat: { id: 'A1', row: 0, col: 0, status: 1, held_by: 'alice', expires_at: expect.any(Number), seq: 1 },
    });
    expect(await booking.command('book', 'A1', 'alice')).toEqual({
      status: 200,
      body: { success: true, seat: { id: 'A1', row: 0, col: 0, status: 2, held_by: 'alice', seq: 2 } },
    });
    await booking.command('select', 'A2', 'alice');
    expect(await booking.command('release', 'A2', 'alice')).toEqual({
      status: 200,
      body: { success: true, seat: { id: 'A2', row: 0, col: 1, status: 0, seq: 4 } },
    });
  });

  test('[R74] the next read shows the replied state', async () => {
    for (let i = 1; i <= 10; i++) {
      await booking.command('select', `B${i}`, 'alice');
      expect(await booking.seat(`B${i}`)).toMatchObject({ status: 1, held_by: 'alice' });
      await booking.command('book', `B${i}`, 'alice');
      expect(await booking.seat(`B${i}`)).toMatchObject({ status: 2 });
    }
  });

  test.each([
    ['SEAT_HELD', true, 'select', 'held'],
    ['NOT_HOLDER', false, 'book', 'held'],
    ['NOT_HOLDER', false, 'release', 'held'],
    ['NOT_HOLDER', false, 'book', 'available'],
    ['NOT_HOLDER', false, 'release', 'available'],
    ['SEAT_BOOKED', false, 'select', 'booked'],
    ['SEAT_BOOKED', false, 'book', 'booked'],
    ['SEAT_BOOKED', false, 'release', 'booked'],
  ] as const)('[R75] 409 %s (retryable: %s): %s of a seat that is %s', async (code, retryable, action, state) => {
    if (state !== 'available') await booking.command('select', 'A1', 'alice');
    if (state === 'booked') await booking.command('book', 'A1', 'alice');
    const { status, body } = await booking.command(action, 'A1', 'bob');
    expect(body.seat?.status).toBe({ available: 0, held: 1, booked: 2 }[state]);
    expect(status).toBe(409);
    expect(body).toEqual({
      success: false,
      error: { code, message: expect.stringMatching(/\w+/), retryable },
      seat: await booking.seat('A1'),
    });
  });

  test('[R74] a repeated command gets the same reply, without a second transition', async () => {
    const [first, again] = [
      await booking.command('select', 'A1', 'alice'),
      await booking.command('select', 'A1', 'alice'),
    ];
    expect(again).toEqual(first);
    const [booked, bookedAgain] = [
      await booking.command('book', 'A1', 'alice'),
      await booking.command('book', 'A1', 'alice'),
    ];
    expect(bookedAgain).toEqual(booked);
    expect((await ask({ url: '/api/venue' })).json().seq).toBe(2);
  });

  test('[G4] [R74] many concurrent requests for one seat: one gets it, and one history explains all replies', async () => {
    const users = Array.from({ length: 200 }, (_, i) => `user${i}`);
    const outcomes = await Promise.all(users.map((user) => booking.command('select', 'C5', user)));
    expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(outcomes.filter(({ body }) => body.error?.code === 'SEAT_HELD')).toHaveLength(199);
    expect(new Set(outcomes.map(({ body }) => JSON.stringify(body.seat))).size).toBe(1);
  });
});

describe('[G9] [R76] bad input gets its code, without an exception', () => {
  const good = { seat_id: 'A1', user_id: 'alice' };

  test.each([
    ['no body', undefined],
    ['an empty object', {}],
    ['no seat_id', { user_id: 'alice' }],
    ['no user_id', { seat_id: 'A1' }],
    ['seat_id a number', { seat_id: 1, user_id: 'alice' }],
    ['seat_id null', { seat_id: null, user_id: 'alice' }],
    ['seat_id an array', { seat_id: ['A1'], user_id: 'alice' }],
    ['user_id a number', { seat_id: 'A1', user_id: 7 }],
    ['user_id an object', { seat_id: 'A1', user_id: { $ne: '' } }],
    ['user_id empty', { seat_id: 'A1', user_id: '' }],
    ['user_id too long', { seat_id: 'A1', user_id: 'u'.repeat(65) }],
    ['user_id with a space', { seat_id: 'A1', user_id: 'alice bob' }],
    ['user_id with a line break', { seat_id: 'A1', user_id: 'alice\n' }],
    ['user_id as markup', { seat_id: 'A1', user_id: '<script>' }],
    ['seat_id no id', { seat_id: 'seat one', user_id: 'alice' }],
    ['seat_id with an underscore', { seat_id: 'A_1', user_id: 'alice' }],
    ['seat_id with a wildcard', { seat_id: 'A*', user_id: 'alice' }],
    ['seat_id empty', { seat_id: '', user_id: 'alice' }],
  ])('%s: 400 INVALID_REQUEST', async (_, payload) => {
    for (const action of ['select', 'book', 'release']) {
      const reply = await post(`/api/seats/${action}`, payload);
      expect(reply.statusCode).toBe(400);
      expect(reply.json()).toEqual({
        success: false,
        error: { code: 'INVALID_REQUEST', message: expect.stringMatching(/\w+/), retryable: false },
      });
    }
  });

  const json = { 'content-type': 'application/json' };
  test.each([
    ['not JSON', 'seat_id=A1', json],
    ['cut off', '{"seat_id":"A1"', json],
    ['empty', '', json],
    ['an array', '[]', json],
    ['a string', '"A1"', json],
    ['a number', '7', json],
    ['null', 'null', json],
    ['a form', 'seat_id=A1&user_id=alice', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['XML', '<seat/>', { 'content-type': 'text/xml' }],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), json],
    ['poisoned', '{"__proto__":{"x":1},"seat_id":"A1","user_id":"alice"}', json],
    ['deeply nested', `${'['.repeat(2_000)}${']'.repeat(2_000)}`, json],
  ])('a body that is %s: 400 INVALID_REQUEST', async (_, payload, headers) => {
    const reply = await post('/api/seats/select', payload, headers);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ success: false, error: { code: 'INVALID_REQUEST', retryable: false } });
  });

  test('unknown fields in a body are no error', async () => {
    expect((await post('/api/seats/select', { ...good, colour: 'red' })).statusCode).toBe(200);
  });

  test('a body without a JSON content type, as curl -d sends it, is read as JSON', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post('/api/seats/select', JSON.stringify(good), headers)).statusCode).toBe(200);
    expect((await post('/api/seats/book', JSON.stringify(good), { 'content-type': 'text/plain' })).statusCode).toBe(
      200,
    );
  });

  test.each(['Z99', 'A11', 'K1', 'AA1'])('a seat that there is not, %s: 404 UNKNOWN_SEAT', async (seatId) => {
    for (const action of ['select', 'book', 'release'] as const) {
      const { status, body } = await booking.command(action, seatId, 'alice');
      expect(status).toBe(404);
      expect(body).toMatchObject({ success: false, error: { code: 'UNKNOWN_SEAT', retryable: false } });
      expect(body.error?.message).toContain(seatId);
    }
  });

  test('too large: 413 TOO_LARGE', async () => {
    const reply = await post('/api/seats/select', { ...good, padding: 'x'.repeat(100_000) });
    expect(reply.statusCode).toBe(413);
    expect(reply.json()).toMatchObject({ success: false, error: { code: 'TOO_LARGE', retryable: false } });
  });

  test.each([
    ['GET', '/api/seats/select', 'POST'],
    ['PUT', '/api/seats/book', 'POST'],
    ['DELETE', '/api/seats', 'GET'],
    ['POST', '/api/venue', 'GET'],
    ['POST', '/health', 'GET'],
  ] as const)('%s %s: 405 METHOD_NOT_ALLOWED, and Allow says %s', async (method, url, allowed) => {
    const reply = await ask({ method, url });
    expect(reply.statusCode).toBe(405);
    expect(reply.json()).toMatchObject({ success: false, error: { code: 'METHOD_NOT_ALLOWED', retryable: false } });
    expect(reply.headers.allow).toContain(allowed);
  });

  test.each(['/', '/api', '/api/seats/steal', '/api/seats/A1', '/api/../etc/passwd', '/api/seats/%2e%2e'])(
    'an unknown path, %s: 404 NOT_FOUND',
    async (url) => {
      const reply = await ask({ url });
      expect(reply.statusCode).toBe(404);
      expect(reply.json()).toMatchObject({ success: false, error: { code: 'NOT_FOUND', retryable: false } });
    },
  );

  test('a path that cannot be decoded: 400 INVALID_REQUEST', async () => {
    const reply = await ask({ url: '/api/%c0' });
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ success: false, error: { code: 'INVALID_REQUEST' } });
  });

  test.each([
    '',
    'epoch=e',
    'after=1',
    'epoch=e&after=-1',
    'epoch=e&after=x',
    'epoch=&after=1',
    'epoch=e&after=1&after=2',
  ])('GET /api/events?%s: 400 INVALID_REQUEST', async (query) => {
    const reply = await ask({ url: `/api/events?${query}` });
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ success: false, error: { code: 'INVALID_REQUEST' } });
  });

  /** The reply on a connection of its own, until the service ends it. */
  async function send(text: string): Promise<string> {
    if (!booking.app.server.listening) await booking.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = booking.app.server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      let received = '';
      const socket = connect(port, '127.0.0.1').setEncoding('utf8').on('error', reject);
      socket.on('data', (data) => {
        received += data;
      });
      socket.on('close', () => resolve(received));
      socket.write(text.replace('\r\n', '\r\nConnection: close\r\n'));
    });
  }

  test('over real connections too, and the service survives each', async () => {
    const postOf = (body: string) =>
      `POST /api/seats/select HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(await send(postOf('{'))).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"INVALID_REQUEST"/);
    expect(await send(postOf(`"${'x'.repeat(10_000)}"`))).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":"TOO_LARGE"/);
    expect(await send('GET /api/seats/select HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1.1 405 /);
    expect(await send(postOf(JSON.stringify(good)))).toMatch(/^HTTP\/1.1 200 /);
  });

  test.each([
    ['an unknown method', 'BREW /api/seats HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no HTTP at all', 'hello\r\n\r\n'],
  ])('%s: 400 INVALID_REQUEST', async (_, text) => {
    const received = await send(text);
    expect(received).toMatch(/^HTTP\/1.1 400 /);
    expect(JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4))).toMatchObject({
      success: false,
      error: { code: 'INVALID_REQUEST', retryable: false },
    });
    expect((await ask({ url: '/health' })).statusCode).toBe(200);
  });

  test('and no other user is affected: the seats are unchanged', async () => {
    await post('/api/seats/select', '{', json);
    await booking.command('select', 'Z99', 'alice');
    expect((await ask({ url: '/api/venue' })).json().seq).toBe(0);
  });
});
