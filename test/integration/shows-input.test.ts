import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import type { ClientMessage } from '../../src/protocol/messages.ts';
import { parseShow } from '../../src/shows/parse-show.ts';
import { type Show, saleState } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { askRaw, parsedAnswer } from '../support/raw-http.ts';
import { type SeveralShows, severalShows, testShow } from '../support/several-shows.ts';
import { type ShowsSystem, showsSystem } from '../support/shows-system.ts';
import { until } from '../unit/edge-fixture.ts';

const section = {
  name: 'Hall',
  id_prefix: 'H-',
  rows: 3,
  seats: 10,
  category: 'Standard',
  category_from: { C: 'Rear' },
};
const hallFile = {
  name: 'Hall',
  starts_at: '2099-01-01T20:00:00Z',
  categories: [
    { name: 'Standard', colour: '#1e8449' },
    { name: 'Rear', colour: '#2874a6' },
  ],
  layout: { sections: [section] },
};
const hall = parseShow('hall', JSON.stringify(hallFile), 'hall.json');
const hourMs = 3_600_000;
const closed = testShow('closed', { saleClosesAtMs: Date.now() - hourMs });
const upcoming = testShow('upcoming', {
  saleOpensAtMs: Date.parse('2099-06-01T10:00:00+02:00'),
  utcOffsets: { sale_opens_at: 120 },
});
const shows: Show[] = [testShow('main'), closed, hall, upcoming];

const seats = (count: number) =>
  Array.from({ length: count }, (_, i) => `H-${'ABC'[Math.floor(i / 10)]}${(i % 10) + 1}`);
const long = (length: number) => 'm'.repeat(length);

/** Ann holds H-A1 and H-A2, bob holds H-A4. */
async function holdSome({ post }: SeveralShows): Promise<void> {
  expect((await post('hall/holds', { seats: ['H-A1', 'H-A2'], user_id: 'ann' })).status).toBe(200);
  expect((await post('hall/holds', { seats: ['H-A4'], user_id: 'bob' })).status).toBe(200);
}

/** All state that a refused request must not change. */
const stateOf = ({ shows: onSale, opened }: SeveralShows) => ({
  opened: opened(),
  shows: [...onSale.opened].map(({ show, service: { view } }) => [show.id, view.seq, JSON.stringify([...view.seats])]),
});

interface Refused {
  what: string;
  /** `403 CODE`; over the WebSocket the code alone. */
  reply: string;
  /** Ids of the seats that are the reason. */
  seats?: string[];
}

const posts: (Refused & { path: string; body: object })[] = [
  { what: 'an unknown show', path: 'nowhere/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  {
    what: 'an unknown show, one seat',
    path: 'nowhere/seats/select',
    body: { seat_id: 'A1' },
    reply: '404 UNKNOWN_SHOW',
  },
  { what: 'an encoded path', path: '..%2Fmain/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: 'capital letters', path: 'MAIN/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: 'a space', path: 'main%20/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: 'a zero byte', path: 'main%00/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: 'a name of every object', path: '__proto__/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: '33 characters', path: `${long(33)}/holds`, body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: '65 characters', path: `${long(65)}/holds`, body: { seats: ['A1'] }, reply: '400 INVALID_REQUEST' },
  { what: 'an undecodable name', path: '%E0%A4%A/holds', body: { seats: ['A1'] }, reply: '400 INVALID_REQUEST' },
  { what: 'no name', path: '/holds', body: { seats: ['A1'] }, reply: '404 UNKNOWN_SHOW' },
  { what: 'a seat of another show', path: 'main/holds', body: { seats: ['A1', 'H-A9'] }, reply: '404 UNKNOWN_SEAT' },
  {
    what: 'a seat of another show, book',
    path: 'main/holds/book',
    body: { seats: ['H-A1'] },
    reply: '404 UNKNOWN_SEAT',
  },
  {
    what: 'a seat of another show, one',
    path: 'hall/seats/select',
    body: { seat_id: 'A1' },
    reply: '404 UNKNOWN_SEAT',
  },
  { what: 'a seat twice', path: 'hall/holds', body: { seats: ['H-A6', 'H-A6'] }, reply: '400 INVALID_REQUEST' },
  { what: '21 seats', path: 'hall/holds', body: { seats: seats(21) }, reply: '400 INVALID_REQUEST' },
  { what: '21 seats, release', path: 'hall/holds/release', body: { seats: seats(21) }, reply: '400 INVALID_REQUEST' },
  { what: 'no seats', path: 'hall/holds', body: { seats: [] }, reply: '400 INVALID_REQUEST' },
  { what: 'no seats, book', path: 'hall/holds/book', body: { seats: [] }, reply: '400 INVALID_REQUEST' },
  {
    what: 'seats and best',
    path: 'hall/holds',
    body: { seats: ['H-A6'], best: { count: 1 } },
    reply: '400 INVALID_REQUEST',
  },
  { what: 'neither', path: 'hall/holds', body: {}, reply: '400 INVALID_REQUEST' },
  { what: 'best of 0', path: 'hall/holds', body: { best: { count: 0 } }, reply: '400 INVALID_REQUEST' },
  { what: 'best of 21', path: 'hall/holds', body: { best: { count: 21 } }, reply: '400 INVALID_REQUEST' },
  { what: 'best of 1.5', path: 'hall/holds', body: { best: { count: 1.5 } }, reply: '400 INVALID_REQUEST' },
  { what: 'best without count', path: 'hall/holds', body: { best: {} }, reply: '400 INVALID_REQUEST' },
  { what: 'best is null', path: 'hall/holds', body: { best: null }, reply: '400 INVALID_REQUEST' },
  {
    what: 'an unknown category',
    path: 'hall/holds',
    body: { best: { count: 2, category: 'Front' } },
    reply: '400 INVALID_REQUEST',
  },
  {
    what: 'an unknown section',
    path: 'hall/holds',
    body: { best: { count: 2, section: 'Stalls' } },
    reply: '400 INVALID_REQUEST',
  },
  { what: '[R673] best of 20', path: 'main/holds', body: { best: { count: 20 } }, reply: '429 HOLD_LIMIT' },
  {
    what: 'a group partly of bob',
    path: 'hall/holds',
    body: { seats: ['H-A1', 'H-A4', 'H-A5'] },
    reply: '409 SEATS_TAKEN',
    seats: ['H-A4'],
  },
  {
    what: 'book, partly mine',
    path: 'hall/holds/book',
    body: { seats: ['H-A1', 'H-A5'] },
    reply: '409 NOT_HOLDER',
    seats: ['H-A5'],
  },
  {
    what: 'extend, partly mine',
    path: 'hall/holds/extend',
    body: { seats: ['H-A1', 'H-A4'] },
    reply: '409 NOT_HOLDER',
    seats: ['H-A4'],
  },
  {
    what: 'release, partly mine',
    path: 'hall/holds/release',
    body: { seats: ['H-A4', 'H-A2'] },
    reply: '409 NOT_HOLDER',
    seats: ['H-A4'],
  },
  {
    what: 'more seats than one may hold',
    path: 'hall/holds',
    body: { seats: seats(20).slice(5, 10) },
    reply: '429 HOLD_LIMIT',
    seats: seats(20).slice(5, 10),
  },
  { what: 'a closed sale', path: 'closed/holds', body: { seats: ['A1'] }, reply: '410 SALE_CLOSED' },
  { what: 'a closed sale, best', path: 'closed/holds', body: { best: { count: 2 } }, reply: '410 SALE_CLOSED' },
  { what: 'a closed sale, one seat', path: 'closed/seats/select', body: { seat_id: 'A1' }, reply: '410 SALE_CLOSED' },
  { what: 'a closed sale, extend', path: 'closed/holds/extend', body: { seats: ['A1'] }, reply: '410 SALE_CLOSED' },
  { what: 'a sale to come', path: 'upcoming/holds', body: { seats: ['A1'] }, reply: '410 SALE_CLOSED' },
  { what: 'a sale to come, best', path: 'upcoming/holds', body: { best: { count: 2 } }, reply: '410 SALE_CLOSED' },
  { what: 'a sale to come, extend', path: 'upcoming/holds/extend', body: { seats: ['A1'] }, reply: '410 SALE_CLOSED' },
];

const idsOf = (found: { id: string }[] | undefined) => found && { seats: found.map(({ id }) => id).sort() };

test('[R626] [G9] bad requests over HTTP: each is refused with its code, and changes nothing in any show', async () => {
  const booking = await severalShows({ shows });
  await holdSome(booking);
  for (const { id } of shows) await booking.app.inject({ url: `/api/shows/${id}/venue` });
  const before = stateOf(booking);
  const replies: Refused[] = [];
  for (const { what, path, body } of posts) {
    const reply = await booking.post(path, { ...body, user_id: 'ann' });
    const code = `${reply.status} ${reply.body.error?.code}`;
    expect(reply.body, what).toMatchObject({ success: false, error: { message: expect.stringMatching(/.{8}/) } });
    expect(stateOf(booking), what).toEqual(before);
    replies.push({ what, reply: code, ...idsOf(reply.body.seats) });
  }
  expect(replies).toEqual(
    posts.map(({ what, reply, seats: ids }) => ({ what, reply, ...(ids && { seats: [...ids].sort() }) })),
  );
});

test.each([
  ['nowhere', '404 UNKNOWN_SHOW'],
  ['nowhere/seats', '404 UNKNOWN_SHOW'],
  ['nowhere/venue', '404 UNKNOWN_SHOW'],
  ['nowhere/events?epoch=x&after=0', '404 UNKNOWN_SHOW'],
  ['nowhere/plan/0123456789ab', '404 UNKNOWN_SHOW'],
  ['hall/plan/0123456789ab', '404 NOT_FOUND'],
  [`${long(65)}/seats`, '400 INVALID_REQUEST'],
  ['MAIN', '404 UNKNOWN_SHOW'],
  ['main/holds', '405 METHOD_NOT_ALLOWED'],
])('[R626] [G9] GET /api/shows/%s is refused with %s and opens no show', async (path, expected) => {
  const { app, opened } = await severalShows({ shows });
  const before = opened();
  const reply = await app.inject({ url: `/api/shows/${path}` });
  expect(`${reply.statusCode} ${reply.json().error.code}`).toBe(expected);
  expect(opened().filter((id) => id !== 'hall')).toEqual(before);
  if (reply.statusCode === 405) expect(reply.headers.allow).toBe('POST');
});

test('[R626] a path with dots as it is on the line names no show and no file', async () => {
  const { app } = await severalShows({ shows });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const paths: [path: string, status: number, code: ErrorCode][] = [
    ['/api/shows/../main/holds', 404, 'NOT_FOUND'],
    ['/api/shows/hall/../main/holds', 404, 'NOT_FOUND'],
    ['/api/shows/..%2f..%2fmain', 405, 'METHOD_NOT_ALLOWED'], // a show of that name can be asked for, by GET
  ];
  for (const [path, expectedStatus, code] of paths) {
    const request = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
    const { status, body } = parsedAnswer(await askRaw(url, request));
    expect([path, status, JSON.parse(body).error.code]).toEqual([path, expectedStatus, code]);
  }
});

type Frame = ClientMessage | { type: string; data?: object };
const ofAnn = { user_id: 'ann' };
const messages: (Refused & { message: Frame })[] = [
  {
    what: 'CONNECT to an unknown show',
    message: { type: 'CONNECT', data: { venue: 'nowhere' } },
    reply: 'UNKNOWN_SHOW',
  },
  { what: 'CONNECT to ../main', message: { type: 'CONNECT', data: { venue: '../main' } }, reply: 'UNKNOWN_SHOW' },
  { what: 'CONNECT to MAIN', message: { type: 'CONNECT', data: { venue: 'MAIN' } }, reply: 'UNKNOWN_SHOW' },
  { what: 'CONNECT to 33 characters', message: { type: 'CONNECT', data: { venue: long(33) } }, reply: 'UNKNOWN_SHOW' },
  {
    what: 'CONNECT to 65 characters',
    message: { type: 'CONNECT', data: { venue: long(65) } },
    reply: 'INVALID_REQUEST',
  },
  { what: 'subscribe to an unknown show', message: { type: 'subscribe', venue: 'nowhere' }, reply: 'UNKNOWN_SHOW' },
  {
    what: 'subscribe to a show that is no text',
    message: { type: 'subscribe', venue: {} } as Frame,
    reply: 'INVALID_REQUEST',
  },
  { what: 'a seat of another show', message: { type: 'SELECT_SEAT', data: { seat_id: 'A1' } }, reply: 'UNKNOWN_SEAT' },
  { what: 'a group with one', message: { type: 'HOLD_SEATS', data: { seats: ['H-A6', 'A1'] } }, reply: 'UNKNOWN_SEAT' },
  {
    what: 'a seat twice',
    message: { type: 'HOLD_SEATS', data: { seats: ['H-A6', 'H-A6'] } },
    reply: 'INVALID_REQUEST',
  },
  { what: '21 seats', message: { type: 'HOLD_SEATS', data: { seats: seats(21) } }, reply: 'INVALID_REQUEST' },
  { what: 'no seats', message: { type: 'HOLD_SEATS', data: { seats: [] } }, reply: 'INVALID_REQUEST' },
  { what: 'neither', message: { type: 'HOLD_SEATS', data: {} }, reply: 'INVALID_REQUEST' },
  { what: 'best of 0', message: { type: 'HOLD_BEST', data: { count: 0 } }, reply: 'INVALID_REQUEST' },
  { what: 'best of 21', message: { type: 'HOLD_BEST', data: { count: 21 } }, reply: 'INVALID_REQUEST' },
  { what: '[R673] best of 20', message: { type: 'HOLD_BEST', data: { count: 20 } }, reply: 'HOLD_LIMIT' },
  { what: 'best of 1.5', message: { type: 'HOLD_BEST', data: { count: 1.5 } }, reply: 'INVALID_REQUEST' },
  { what: 'best without count', message: { type: 'HOLD_BEST', data: {} }, reply: 'INVALID_REQUEST' },
  {
    what: 'an unknown category',
    message: { type: 'HOLD_BEST', data: { count: 1, category: 'Front' } },
    reply: 'INVALID_REQUEST',
  },
  {
    what: 'an unknown section',
    message: { type: 'HOLD_BEST', data: { count: 1, section: 'Stalls' } },
    reply: 'INVALID_REQUEST',
  },
  {
    what: 'a group partly of bob',
    message: { type: 'HOLD_SEATS', data: { seats: ['H-A1', 'H-A4'] } },
    reply: 'SEATS_TAKEN',
    seats: ['H-A4'],
  },
  {
    what: 'book, partly mine',
    message: { type: 'BOOK_HOLD', data: { seats: ['H-A1', 'H-A5'] } },
    reply: 'NOT_HOLDER',
    seats: ['H-A5'],
  },
  {
    what: 'extend, partly mine',
    message: { type: 'EXTEND_HOLD', data: { seats: ['H-A1', 'H-A4'] } },
    reply: 'NOT_HOLDER',
    seats: ['H-A4'],
  },
  {
    what: 'release, partly mine',
    message: { type: 'RELEASE_HOLD', data: { seats: ['H-A4'] } },
    reply: 'NOT_HOLDER',
    seats: ['H-A4'],
  },
  { what: 'book without seats', message: { type: 'BOOK_HOLD', data: {} }, reply: 'INVALID_REQUEST' },
];

/** A connection on which one request at a time gets its reply. */
async function line({ edges }: ShowsSystem, venue: string) {
  const client = await (edges[0] as (typeof edges)[number]).connect(['seat-booking.v1']);
  let requests = 0;
  const request = async (message: Frame) => {
    const request_id = ++requests;
    client.ws.send(JSON.stringify({ ...message, request_id }));
    const isReply = (sent: object) => 'request_id' in sent && sent.request_id === request_id;
    const reply = () => client.messages.find((sent) => (sent.type === 'ACK' || sent.type === 'ERROR') && isReply(sent));
    await until(() => reply() !== undefined, JSON.stringify(message));
    return reply() as { type: 'ACK' | 'ERROR'; data: { code?: string; message?: string; seats?: { id: string }[] } };
  };
  expect(await request({ type: 'CONNECT', data: { venue, ...ofAnn } })).toMatchObject({ type: 'ACK' });
  return { client, request };
}

test('[R626] [G9] bad messages over the WebSocket: each is refused with its code, and changes nothing in any show', async () => {
  const system = await showsSystem({ shows, limits: { states: { perSecond: 1_000, burst: 5 } } });
  await holdSome(system.booking);
  const { client, request } = await line(system, 'hall');
  const before = stateOf(system.booking);
  const replies: Refused[] = [];
  for (const { what, message } of messages) {
    const { type, data } = await request(message);
    expect(type, what).toBe('ERROR');
    expect(stateOf(system.booking), what).toEqual(before);
    replies.push({ what, reply: data.code ?? '', ...idsOf(data.seats) });
  }
  expect(replies).toEqual(messages.map(({ what, reply, seats: ids }) => ({ what, reply, ...(ids && { seats: ids }) })));
  expect(client.ofType('SEAT_UPDATE')).toEqual([]);
  expect(await request({ type: 'BOOK_HOLD', data: { seats: ['H-A1', 'H-A2'] } })).toMatchObject({ type: 'ACK' });
});

test.each([
  ['closed', 'The sale is closed'],
  ['upcoming', /^The sale opens on Mon, June 1, 2099 at 10:00 UTC\+2$/],
])(
  '[R627] [R1053] [G9] over the WebSocket a sale that is %s holds and extends nothing: SALE_CLOSED',
  async (id, message) => {
    const system = await showsSystem({ shows });
    const { request } = await line(system, id);
    for (const refused of [
      { type: 'SELECT_SEAT', data: { seat_id: 'A1' } },
      { type: 'HOLD_SEATS', data: { seats: ['A1', 'A2'] } },
      { type: 'HOLD_BEST', data: { count: 2 } },
      { type: 'EXTEND_HOLD', data: { seats: ['A1'] } },
    ]) {
      const { type, data } = await request(refused);
      expect([type, data.code], refused.type).toEqual(['ERROR', 'SALE_CLOSED']);
      expect(data.message).toMatch(message);
    }
    expect(system.booking.shows.get(id).service.view.seq).toBe(0);
  },
);

/** A show whose sale closes in half an hour by the store's clock, which the test moves. */
async function closingSale() {
  const startMs = Date.now();
  let nowMs = startMs;
  const closing = testShow('closing', { saleClosesAtMs: startMs + hourMs / 2 });
  const rules = { holdTtlMs: 2 * hourMs, maxHoldsPerUser: 6, maxExtensions: 2 };
  const booking = await severalShows({
    shows: [testShow('main'), closing],
    rules,
    storeOf: ({ plan }) => new MemorySeatStore({ ...rules, plan, nowMs: () => nowMs }),
  });
  const advance = (byMs: number) => {
    nowMs += byMs;
  };
  return { ...booking, advance, closing, now: () => nowMs };
}

test('[R627] when the sale closes, holds remain: they can be booked and released, not extended, and none is added', async () => {
  const { post, advance, app, closing, now } = await closingSale();
  const user_id = 'ann';
  expect((await post('closing/holds', { seats: ['A1', 'A2', 'A3'], user_id })).status).toBe(200);
  advance(hourMs);
  expect(saleState(closing, now())).toBe('closed');
  // The process learns the time of the store with its next reply.
  expect((await app.inject({ url: '/api/shows/closing' })).json()).toMatchObject({
    sale: 'closed',
    counts: { held: 3 },
  });
  const closedSale = { status: 410, body: { error: { code: 'SALE_CLOSED', retryable: false } } };
  expect(await post('closing/holds/extend', { user_id })).toMatchObject(closedSale);
  expect(await post('closing/holds', { seats: ['A4'], user_id })).toMatchObject(closedSale);
  expect(await post('closing/holds', { seats: ['A1'], user_id }), 'also what is held already').toMatchObject(
    closedSale,
  );
  expect((await post('closing/holds/book', { seats: ['A1', 'A2'], user_id })).status).toBe(200);
  expect((await post('closing/seats/release', { seat_id: 'A3', user_id })).status).toBe(200);
  expect((await app.inject({ url: '/api/shows/closing' })).json().counts).toEqual({ available: 8, held: 0, booked: 2 });
  expect((await post('main/holds', { seats: ['A1'], user_id })).status, 'another show').toBe(200);
});

test('[R623] the first request of a show is judged by the time of Redis, too, not by that of the host', async () => {
  const { post, advance, opened } = await closingSale();
  advance(hourMs);
  expect(opened()).toEqual(['main']);
  const first = await post('closing/holds', { seats: ['A1'], user_id: 'ann' });
  expect(first).toMatchObject({ status: 410, body: { error: { code: 'SALE_CLOSED' } } });
});
