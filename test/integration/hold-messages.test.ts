import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ClientMessage, ServerMessage } from '../../src/protocol/messages.ts';
import { patience } from '../support/patience.ts';
import { startEmbedded, type TestServer } from '../support/servers.ts';
import { startVenue } from '../support/venue.ts';

type Reply = Extract<ServerMessage, { type: 'ACK' | 'ERROR' }>;
type HoldMessage = 'HOLD_SEATS' | 'EXTEND_HOLD' | 'BOOK_HOLD' | 'RELEASE_HOLD';

let server: TestServer;
let requests = 0;
/** A row per test: its seats are free. */
let row = '';

beforeAll(async () => {
  server = await startEmbedded({ env: { HOLD_SECONDS: '60', HOLD_EXTENSIONS: '1', MAX_HOLDS_PER_USER: '4' } });
});
afterAll(() => server?.stop());
beforeEach(() => {
  row = String.fromCharCode((row || '@').charCodeAt(0) + 1);
});

const seats = (...cols: number[]) => cols.map((col) => `${row}${col}`);

async function connect(userId: string) {
  const messages: ServerMessage[] = [];
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`);
  onTestFinished(() => socket.terminate());
  socket.on('message', (text) => messages.push(JSON.parse(String(text))));
  await expect.poll(() => messages[0]?.type, patience).toBe('VENUE_STATE');
  const request = async (message: ClientMessage): Promise<Reply> => {
    const request_id = ++requests;
    socket.send(JSON.stringify({ ...message, request_id }));
    const reply = () => messages.find((sent) => 'request_id' in sent && sent.request_id === request_id) as Reply;
    await expect.poll(reply, patience).toBeDefined();
    return reply();
  };
  const settings = await request({ type: 'CONNECT', data: { user_id: userId } });
  const send = (type: HoldMessage, ids: string[]) => request({ type, data: { seats: ids } });
  const updates = () => messages.flatMap((sent) => (sent.type === 'SEAT_UPDATE' ? [sent.data] : []));
  return { send, settings, updates };
}

test('[G13] [R394] HOLD_SEATS, BOOK_HOLD and RELEASE_HOLD: all seats, or none, with the seats that are the reason', async () => {
  const [alice, bob] = [await connect('alice'), await connect('bob')];
  const held = await alice.send('HOLD_SEATS', seats(1, 2));
  expect(held).toMatchObject({ type: 'ACK', data: { success: true, expires_at: expect.any(Number) } });
  expect(held.data.seats?.map(({ id, status, held_by }) => [id, status, held_by])).toEqual(
    seats(1, 2).map((id) => [id, 1, 'alice']),
  );

  const refused = await bob.send('HOLD_SEATS', seats(2, 3));
  expect(refused).toMatchObject({ type: 'ERROR', data: { code: 'SEATS_TAKEN', retryable: true } });
  expect(refused.data.seats?.map(({ id, held_by }) => [id, held_by])).toEqual([[seats(2)[0], 'alice']]);

  expect(await alice.send('BOOK_HOLD', seats(1, 2, 3))).toMatchObject({ type: 'ERROR', data: { code: 'NOT_HOLDER' } });
  expect(await bob.send('RELEASE_HOLD', seats(1))).toMatchObject({ type: 'ERROR', data: { code: 'NOT_HOLDER' } });
  expect(await alice.send('RELEASE_HOLD', seats(2))).toMatchObject({ type: 'ACK' });
  expect(await alice.send('BOOK_HOLD', seats(1))).toMatchObject({ type: 'ACK', data: { seats: [{ status: 2 }] } });
  await expect
    .poll(() => bob.updates().map(({ seat_id, status }) => [seat_id, status]), patience)
    .toEqual(seats(1, 2, 2, 1).map((id, i) => [id, [1, 1, 0, 2][i]]));
});

test('[R395] EXTEND_HOLD moves the end of all seats, HOLD_EXTENSIONS times; the ACK of CONNECT has the number', async () => {
  const alice = await connect('alice');
  expect(alice.settings.data).toMatchObject({ hold_seconds: 60, max_holds: 4, hold_extensions: 1 });
  const held = await alice.send('HOLD_SEATS', seats(1, 2));
  const extended = await alice.send('EXTEND_HOLD', seats(1, 2));
  expect(extended.type).toBe('ACK');
  expect(extended.data).toMatchObject({ seats: [{ status: 1 }, { status: 1 }] });
  expect('expires_at' in extended.data && extended.data.expires_at).toBeGreaterThan(
    ('expires_at' in held.data && held.data.expires_at) || Number.POSITIVE_INFINITY,
  );
  expect(await alice.send('EXTEND_HOLD', seats(1, 2))).toMatchObject({ data: { code: 'EXTENSION_LIMIT' } });
  await alice.send('RELEASE_HOLD', seats(1, 2));
});

test.each([
  ['no seat', [], 'INVALID_REQUEST'],
  ['a seat twice', ['J1', 'J1'], 'INVALID_REQUEST'],
  ['21 seats', Array.from({ length: 21 }, (_, i) => `J${i}`), 'INVALID_REQUEST'],
  ['an unknown seat', ['J1', 'Z99'], 'UNKNOWN_SEAT'],
  ['more seats than a user may hold', ['J1', 'J2', 'J3', 'J4', 'J5'], 'HOLD_LIMIT'],
])('[G9] [R394] HOLD_SEATS with %s is refused, and changes nothing', async (_, ids, code) => {
  const alice = await connect('alice');
  expect(await alice.send('HOLD_SEATS', ids)).toMatchObject({ type: 'ERROR', data: { code } });
  const venue = (await (await fetch(`${server.url}/api/venue`)).json()) as { seats: { id: string; status: number }[] };
  expect(venue.seats.filter(({ id, status }) => id.startsWith('J') && status !== 0)).toEqual([]);
});

test('[R394] through nginx, which gives each command a key, a command without seats means all that the user holds', async () => {
  const venue = await startVenue({ bookings: 2, edges: 1 });
  onTestFinished(() => venue.stop());
  const post = async (path: string, body: object) => {
    const url = `${venue.url}/api/shows/main/holds${path}`;
    return (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).json();
  };
  await post('', { seats: ['A1', 'A2'], user_id: 'ann' });
  expect(await post('/book', { user_id: 'ann' })).toMatchObject({
    success: true,
    seats: [
      { id: 'A1', status: 2 },
      { id: 'A2', status: 2 },
    ],
  });
});
