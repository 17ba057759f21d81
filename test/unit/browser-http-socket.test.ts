import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HttpSocket } from '../../src/browser/http-socket.ts';
import { probeHttp } from '../../src/browser/probe-http.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/messages.ts';
import { held, serverTime, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Reply = (path: string, request: RequestInit) => Response | Promise<Response>;

const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await vi.advanceTimersByTimeAsync(0);
};

/** A page's HTTP connection to a server that is the test. */
function startHttp(reply: Reply) {
  const requests: { path: string; request: RequestInit }[] = [];
  const messages: ServerMessage[] = [];
  const closes: { httpStatus?: number; retryAfterMs?: number }[] = [];
  const socket = new HttpSocket({
    fetch: async (path, request = {}) => {
      requests.push({ path: String(path), request });
      return reply(String(path), request);
    },
    authorization: () => ({ authorization: 'Bearer t' }),
    random: () => 0.5,
  });
  socket.addEventListener('message', (event) => messages.push(JSON.parse((event as MessageEvent<string>).data)));
  socket.addEventListener('close', (event) => closes.push(event as never));
  const send = async (...sent: ClientMessage[]) => {
    for (const message of sent) socket.send(JSON.stringify(message));
    await settle();
  };
  return { socket, requests, messages, closes, send, paths: () => requests.map(({ path }) => path) };
}

const event = (seq: number) => ({
  type: 'booked',
  seat_id: 'A1',
  user_id: 'ann',
  status: 2,
  timestamp: '',
  epoch: 'e1',
  seq,
});
const events = (seq: number, ...seqs: number[]) =>
  Response.json({ epoch: 'e1', seq, server_time: serverTime, events: seqs.map(event) });
const connect = (seq?: number): ClientMessage => ({
  type: 'CONNECT',
  request_id: 'connect-1',
  data: { user_id: 'u_1', ...(seq !== undefined && { position: { epoch: 'e1', seq } }) },
});
const ping = (n: number): ClientMessage => ({ type: 'PING', request_id: `ping-${n}` });

test('[R321] CONNECT gets the venue, each PING all changes since, in as many replies as necessary', async () => {
  const pages = [events(5, 1, 2, 3), events(5, 4, 5), events(5)];
  const run = startHttp((path) => (path === '/api/venue' ? Response.json(venueState()) : (pages.shift() as Response)));
  await run.send(connect());
  expect(run.messages.map(({ type }) => type)).toEqual(['VENUE_STATE', 'ACK']);
  expect(run.messages[1]).toMatchObject({
    request_id: 'connect-1',
    data: { hold_seconds: 30, server_time: serverTime },
  });
  await run.send(ping(1));
  await run.send(ping(2));
  const updates = run.messages.filter(({ type }) => type === 'SEAT_UPDATE');
  expect(updates.map((update) => (update.data as { seq: number }).seq)).toEqual([1, 2, 3, 4, 5]);
  expect(updates[0]).toMatchObject({ data: { seat_id: 'A1', status: 2, held_by: 'ann' } });
  expect(run.paths()).toEqual(['/api/venue', ...[0, 3, 5].map((seq) => `/api/events?epoch=e1&after=${seq}`)]);
  expect(run.messages.at(-1)).toMatchObject({ type: 'ACK', request_id: 'ping-2' });
});

test('[R321] the whole venue is requested if changes are not available, while it is stale, and twice a minute', async () => {
  let venue = venueState({ stale: true });
  let changes = () => Response.json({ epoch: 'e2', seq: 0, server_time: serverTime });
  const run = startHttp((path) => (path === '/api/venue' ? Response.json(venue) : changes()));
  await run.send(connect());
  await run.send(ping(1));
  expect(run.paths(), 'a stale venue has no position').toEqual(['/api/venue', '/api/venue']);
  venue = venueState();
  await run.send(ping(2));
  await run.send(ping(3));
  expect(run.paths().slice(3), 'another epoch').toEqual(['/api/events?epoch=e1&after=0', '/api/venue']);
  changes = () => new Response('', { status: 503 });
  await run.send(ping(4));
  expect(run.paths().slice(5), 'the store is unavailable').toEqual(['/api/events?epoch=e1&after=0', '/api/venue']);
  changes = () => events(0);
  await run.send(ping(5));
  await vi.advanceTimersByTimeAsync(31_000);
  await run.send(ping(6));
  expect(run.paths().slice(-2), 'for the hold settings').toEqual(['/api/events?epoch=e1&after=0', '/api/venue']);
  expect(run.closes).toEqual([]);
});

test('[R323] a short Retry-After of a poll is waited for; a long one, or a second one, closes the connection with the reason', async () => {
  const limited = (seconds: number) => new Response('', { status: 429, headers: { 'retry-after': String(seconds) } });
  const replies = [limited(2), Response.json(venueState()), limited(60)];
  const run = startHttp(() => replies.shift() as Response);
  await run.send(connect());
  await vi.advanceTimersByTimeAsync(2_000);
  expect(run.requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(500);
  expect(run.messages.at(-1)).toMatchObject({ type: 'ACK', request_id: 'connect-1' });
  await run.send(ping(1));
  expect(run.closes).toMatchObject([{ httpStatus: 429, retryAfterMs: 60_000 }]);
});

test.each([
  ['an error', () => new Response('', { status: 502 }), 502],
  ["a proxy's page", () => new Response('<p>'), undefined],
  ['other JSON', () => Response.json({}), 502],
  ['no line', () => Promise.reject(new TypeError('fetch failed')), undefined],
])('[R321] %s instead of the venue closes the connection', async (_, reply, httpStatus) => {
  const run = startHttp(reply);
  await run.send(connect());
  expect(run.closes).toHaveLength(1);
  expect(run.closes[0]?.httpStatus).toBe(httpStatus);
});

test('[R320] a command is a POST of this user with its own key, and its reply becomes ACK or ERROR', async () => {
  const seat = held('A1', 3, 'u_1');
  const refused = { success: false, error: { code: 'SEAT_HELD', message: 'no', retryable: true }, seat };
  const replies = [Response.json({ success: true, seat }), Response.json(refused, { status: 409 })];
  const run = startHttp((path) =>
    path === '/api/venue' ? Response.json(venueState()) : (replies.shift() as Response),
  );
  await run.send(connect());
  await run.send({ type: 'SELECT_SEAT', request_id: 'select-1', data: { seat_id: 'A1' } });
  await run.send({ type: 'BOOK_SEAT', request_id: 'book-2', data: { seat_id: 'A2' } });
  expect(run.messages.slice(-2)).toEqual([
    { type: 'ACK', request_id: 'select-1', data: { success: true, seat } },
    { type: 'ERROR', request_id: 'book-2', data: { ...refused.error, seat } },
  ]);
  const [select, book] = run.requests.slice(-2) as [(typeof run.requests)[0], (typeof run.requests)[0]];
  expect([select.path, book.path]).toEqual(['/api/shows/main/seats/select', '/api/shows/main/seats/book']);
  expect(JSON.parse(String(select.request.body))).toEqual({ seat_id: 'A1', user_id: 'u_1' });
  const headers = select.request.headers as Record<string, string>;
  expect(headers).toMatchObject({ authorization: 'Bearer t', 'content-type': 'application/json' });
  expect(headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
  expect((book.request.headers as Record<string, string>)['idempotency-key']).not.toBe(headers['idempotency-key']);
});

test('[R480] a command on several seats is one POST to the holds of this venue', async () => {
  const seats = [held('A1', 3, 'u_1'), held('A2', 4, 'u_1')];
  const refused = { success: false, error: { code: 'EXTENSION_LIMIT', message: 'no', retryable: false }, seats };
  const replies = [
    Response.json({ success: true, seats, expires_at: serverTime + 30 }),
    Response.json(refused, { status: 429 }),
  ];
  const run = startHttp((path) =>
    path === '/api/venue'
      ? Response.json(venueState({ venue: 'hall', hold_extensions: 3 }))
      : (replies.shift() as Response),
  );
  await run.send(connect(7));
  expect(run.paths(), 'the venue first: it has the name').toEqual(['/api/venue']);
  expect(run.messages.at(-1)).toMatchObject({ type: 'ACK', data: { hold_extensions: 3 } });
  const data = { seats: ['A1', 'A2'] };
  await run.send({ type: 'HOLD_SEATS', request_id: 'select-1', data });
  await run.send({ type: 'EXTEND_HOLD', request_id: 'extend-2', data });
  expect(run.messages.slice(-2)).toEqual([
    { type: 'ACK', request_id: 'select-1', data: { success: true, seats, expires_at: serverTime + 30 } },
    { type: 'ERROR', request_id: 'extend-2', data: { ...refused.error, seats } },
  ]);
  expect(run.paths().slice(1)).toEqual(['/api/shows/hall/holds', '/api/shows/hall/holds/extend']);
  expect(JSON.parse(String(run.requests.at(-1)?.request.body))).toEqual({ ...data, user_id: 'u_1' });
});

test('[R320] a command whose connection breaks is retried once with the same key, then refused', async () => {
  const run = startHttp(() => Promise.reject(new TypeError('fetch failed')));
  await run.send({ type: 'BOOK_SEAT', request_id: 'book-1', data: { seat_id: 'A1' } });
  const headers = run.requests.map(({ request }) => request.headers as Record<string, string>);
  expect(headers).toHaveLength(2);
  expect(headers[1]).toEqual({ ...headers[0], 'x-attempt': '2' });
  expect(run.messages).toMatchObject([
    { type: 'ERROR', request_id: 'book-1', data: { code: 'TIMEOUT', retryable: true } },
  ]);
});

test("[R320] a proxy's reply to a command becomes an error with that reason", async () => {
  const run = startHttp(() => new Response('<p>', { status: 407 }));
  await run.send({ type: 'BOOK_SEAT', request_id: 'book-1', data: { seat_id: 'A1' } });
  expect(run.messages).toMatchObject([{ data: { code: 'STORE_UNAVAILABLE', message: 'A proxy replied 407' } }]);
});

test('[R321] once closed it sends no message and no request', async () => {
  let answer = (_reply: Response) => {};
  const run = startHttp(
    (_path, { signal }) =>
      new Promise((resolve, reject) => {
        answer = resolve;
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  await run.send(connect());
  run.socket.close();
  answer(Response.json(venueState()));
  await settle();
  expect([run.messages, run.closes]).toEqual([[], []]);
});

test.each([
  [() => Response.json({ epoch: 'e1', seq: 0, server_time: 0 }), undefined],
  [() => new Response('', { status: 503 }), 503],
  [() => new Response('<p>sign in</p>'), 0],
  [() => Response.json({ captive: true }), 0],
  [() => Promise.reject(new TypeError('fetch failed')), 0],
])('[R320] HTTP works only if our server replies (%#)', async (reply, expected) => {
  expect(await probeHttp(async () => reply())).toBe(expected);
});

test('[R564] a show is read and commanded at its own routes', async () => {
  const run = startHttp((path) => {
    if (path.endsWith('/venue')) return Response.json(venueState({ venue: 'opera' }));
    return path.includes('/events?') ? events(0) : Response.json({ success: true, seats: [] });
  });
  await run.send({ type: 'CONNECT', request_id: 'connect-1', data: { venue: 'opera' } });
  await run.send({ type: 'HOLD_BEST', request_id: 'best-1', data: { count: 4, section: 'Stalls' } });
  await run.send(ping(1), { type: 'SELECT_SEAT', request_id: 's', data: { seat_id: 'A1' } });
  expect(run.paths().map((path) => path.replace(/\?.*/, ''))).toEqual([
    '/api/shows/opera/venue',
    '/api/shows/opera/holds',
    '/api/shows/opera/events',
    '/api/shows/opera/seats/select',
  ]);
  const best = run.requests.find(({ path }) => path.endsWith('/holds'));
  expect(JSON.parse(String(best?.request.body))).toEqual({ best: { count: 4, section: 'Stalls' } });
});
