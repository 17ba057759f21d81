import { expect, onTestFinished, test } from 'vitest';
import { BookingClient } from '../../src/edge/booking-client.ts';
import type { BatchedCommand } from '../../src/protocol/command-batch.ts';
import { startApi, type TestApi } from './api-fixture.ts';

const rateLimits = {
  requestsPerSecondPerAddress: 4,
  requestsPerSecondPerUser: 3,
  sessionsPerMinutePerAddress: 9,
  holdsPerAddress: 2,
};

let keys = 0;
const command = (path: string, body: object, more: Partial<BatchedCommand> = {}): BatchedCommand => ({
  path: `/api/shows/main${path}`,
  body: body as BatchedCommand['body'],
  address: '203.0.113.7',
  key: `key-of-the-command-${++keys}`,
  attempt: 1,
  ...more,
});
const select = (seat_id: string, user_id: string, more: Partial<BatchedCommand> = {}) =>
  command('/seats/select', { seat_id, user_id }, more);

const post = ({ app }: TestApi, commands: readonly BatchedCommand[], headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/commands', payload: { commands }, headers });

interface Reply {
  status: number;
  body: { success: boolean; error?: { code: string }; seat?: { held_by?: string }; seats?: object[] };
}

async function repliesTo(api: TestApi, commands: readonly BatchedCommand[]): Promise<Reply[]> {
  const reply = await post(api, commands);
  expect(reply.statusCode).toBe(200);
  return reply.json<{ replies: Reply[] }>().replies;
}

const outcomes = (replies: readonly Reply[]) => replies.map(({ status, body }) => [status, body.error?.code ?? 'OK']);

test('[R820] each command of a batch gets the reply of its own route, in order; a refused one holds up no other', async () => {
  const [api, alone] = [await startApi(), await startApi()];
  const commands = [
    select('A1', 'alice'),
    select('A1', 'bob'),
    select('Z9', 'bob'),
    command('/holds', { seats: ['A2', 'A3'], user_id: 'carol' }),
    command('/holds', { seats: ['A3', 'A4'], user_id: 'bob' }),
    command('/holds/book', { seats: ['A2', 'A3'], user_id: 'carol' }),
    command('/holds', { best: { count: 1 }, user_id: 'dan' }),
    command('/seats/book', { seat_id: 'A1', user_id: 'u_somebody' }),
    command('/seats/select', { seat_id: 'A4' }),
    { ...select('A4', 'bob'), path: '/api/shows/none/seats/select' },
  ];
  const expected: Reply[] = [];
  for (const { path, body } of commands) {
    const reply = await alone.app.inject({ method: 'POST', url: path, payload: body });
    expected.push({ status: reply.statusCode, body: reply.json() });
  }
  expect(await repliesTo(api, commands)).toEqual(expected);
  expect(new Set(expected.map(({ status }) => status))).toEqual(new Set([200, 400, 403, 404, 409]));
});

test('[R820] a command whose path or body no route takes is refused alone', async () => {
  const api = await startApi();
  const replies = await repliesTo(api, [
    command('/seats/paint', { seat_id: 'A1', user_id: 'alice' }),
    { ...select('A1', 'alice'), path: '/api/session' },
    command('/seats/select', { seat_id: '-', user_id: 'alice' }),
    command('/holds', { seats: Array.from({ length: 21 }, (_, n) => `A${n}`), user_id: 'alice' }),
    select('A1', 'alice'),
  ]);
  expect(outcomes(replies)).toEqual([
    [404, 'NOT_FOUND'],
    [404, 'NOT_FOUND'],
    [400, 'INVALID_REQUEST'],
    [400, 'INVALID_REQUEST'],
    [200, 'OK'],
  ]);
});

test('[R821] only edges may send batches: a forwarded request, and in the embedded mode one without the key, gets a 404', async () => {
  const api = await startApi();
  const batch = [select('A1', 'alice')];
  expect((await post(api, batch, { 'x-forwarded-for': '203.0.113.7' })).statusCode).toBe(404);
  const embedded = await startApi({ access: { trustedProxies: [], edgeKey: 'the-key' } });
  expect((await post(embedded, batch)).statusCode).toBe(404);
  expect((await post(embedded, batch, { 'x-edge-key': 'a-guess' })).statusCode).toBe(404);
  expect((await post(embedded, batch, { 'x-edge-key': 'the-key' })).statusCode).toBe(200);
  expect((await api.app.inject({ url: '/api/seats' })).json()[0].status).toBe(0);
});

test('[R821] an edge whose address is not trusted is counted itself, whatever clients it names', async () => {
  const api = await startApi({ access: { rateLimits } });
  const commands = [1, 2, 3, 4, 5].map((n) => select('Z1', `u${n}`, { address: `203.0.113.${n}` }));
  const reply = await api.app.inject({
    method: 'POST',
    url: '/commands',
    payload: { commands },
    remoteAddress: '198.51.100.1',
  });
  // The request itself counts, too.
  const codes = reply.json<{ replies: Reply[] }>().replies.map(({ body }) => body.error?.code);
  expect(codes).toEqual(['UNKNOWN_SEAT', 'UNKNOWN_SEAT', 'UNKNOWN_SEAT', 'RATE_LIMITED', 'RATE_LIMITED']);
});

test.each([
  ['', {}],
  [' with an edge key', { trustedProxies: [], edgeKey: 'the-key' }],
])('[R822] every limit counts a command of a batch for its own client%s', async (_, access) => {
  const api = await startApi({ access: { ...access, rateLimits } });
  const from = async (...commands: BatchedCommand[]) => {
    const { replies } = (await post(api, commands, { 'x-edge-key': 'the-key' })).json<{ replies: Reply[] }>();
    return replies.map(({ body }) => body.error?.code ?? 'OK');
  };
  const ofOneAddress = await from(...['a', 'b', 'c', 'd', 'e'].map((user) => select('Z1', user)));
  expect(ofOneAddress).toEqual([...new Array(4).fill('UNKNOWN_SEAT'), 'RATE_LIMITED']);
  const ofOneUser = await from(...[1, 2, 3, 4].map((n) => select('A1', 'alice', { address: `203.0.113.${100 + n}` })));
  expect(ofOneUser).toEqual(['OK', 'OK', 'OK', 'RATE_LIMITED']);
  const group = { seats: ['A1', 'A2', 'A3'], user_id: 'carol' };
  const elsewhere = { address: '203.0.113.98' };
  const ofGroup = await from(command('/holds/release', group, elsewhere), select('A1', 'carol'));
  expect(ofGroup).toEqual(['NOT_HOLDER', 'RATE_LIMITED']);
});

test('[R822] the session of each command identifies the user', async () => {
  const api = await startApi();
  const session = await api.app.inject({ method: 'POST', url: '/api/session', payload: { token: true } });
  const { user_id, token } = session.json<{ user_id: string; token: string }>();
  const replies = await repliesTo(api, [
    command('/seats/select', { seat_id: 'A1' }, { token }),
    select('A2', 'alice', { token }),
    command('/seats/select', { seat_id: 'A3' }, { token: 'forged' }),
  ]);
  expect(outcomes(replies)).toEqual([
    [200, 'OK'],
    [403, 'FORBIDDEN'],
    [401, 'UNAUTHENTICATED'],
  ]);
  expect(replies[0]?.body.seat?.held_by).toBe(user_id);
  expect(api.app.refusalCounts.get('UNAUTHENTICATED')).toBe(1);
});

test('[R823] [R36] a command that is repeated in another batch with its key is decided once', async () => {
  const api = await startApi();
  const first = select('A1', 'alice');
  const second = command('/holds/extend', { seats: ['A1'], user_id: 'alice' });
  await repliesTo(api, [first]);
  const extended = await repliesTo(api, [second]);
  const repeated = await repliesTo(api, [{ ...second, attempt: 2 }]);
  expect(repeated).toEqual(extended);
  expect((await repliesTo(api, [command('/holds/extend', second.body)]))[0]?.body.error?.code).toBe('EXTENSION_LIMIT');
});

test('[R823] a batch has at most 128 commands', async () => {
  const api = await startApi();
  const many = (count: number) => Array.from({ length: count }, (_, n) => select('A1', `u${n}`));
  expect((await post(api, many(128))).statusCode).toBe(200);
  expect((await post(api, many(129))).statusCode).toBe(400);
  expect((await post(api, [])).statusCode).toBe(400);
});

test('[R1087] [G9] a command that spoils the request of its turn is refused alone; the others are decided', async () => {
  const { app } = await startApi();
  const booking = new BookingClient({ urls: [await app.listen({ host: '127.0.0.1', port: 0 })] });
  onTestFinished(() => booking.close());
  const path = '/api/shows/main/seats/select';
  const poisoned = JSON.parse('{"seat_id": "A3", "user_id": "eve", "constructor": {"prototype": 1}}');
  const large = { seat_id: 'A4', user_id: 'eve', x: 'x'.repeat(1024 * 1024) };
  const longToken = { address: '203.0.113.8', token: 't'.repeat(5_000) };
  const [alice, ...refused] = await Promise.all([
    booking.command({ path, body: { seat_id: 'A1', user_id: 'alice' } }, { address: '203.0.113.6' }),
    ...[poisoned, large].map((body) => booking.command({ path, body }, { address: '203.0.113.7' })),
    booking.command({ path, body: { seat_id: 'A2', user_id: 'eve' } }, longToken),
  ]);
  expect(alice).toMatchObject({ httpStatus: 200, body: { seat: { held_by: 'alice' } } });
  expect(refused.map(({ httpStatus }) => httpStatus)).toEqual([400, 413, 400]);
});

test('[R1089] a batch of the largest commands is not too large', async () => {
  const api = await startApi();
  const seats = Array.from({ length: 20 }, (_, n) => `A${n}-`.padEnd(32, '9'));
  const largest = Array.from({ length: 128 }, (_, n) =>
    command(
      '/holds/release',
      { seats, user_id: 'u'.repeat(64) },
      {
        address: `${n}`.padEnd(64, '9'),
        token: 't'.repeat(4_096),
        request_id: 'r'.repeat(64),
        traceparent: '0'.repeat(128),
        key: `${n}`.padEnd(64, 'k'),
      },
    ),
  );
  expect((await repliesTo(api, largest)).every(({ status }) => status === 401)).toBe(true);
});
