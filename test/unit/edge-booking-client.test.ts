import { describe, expect, onTestFinished, test } from 'vitest';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { BookingBusyError, BookingTimeoutError, BookingUnavailableError } from '../../src/edge/booking-errors.ts';
import { FakeBooking, until } from './edge-fixture.ts';

const caller = { address: '203.0.113.7' };
const select = (seat_id: string) => ({ path: '/api/shows/main/seats/select', body: { seat_id, user_id: 'alice' } });
const command = select('A1');

function client(urls: string[], more = {}): BookingClient {
  const booking = new BookingClient({ urls, ...more });
  onTestFinished(() => booking.close());
  return booking;
}

test('[G7] a command goes to the next booking process if the first has died, and later ones stay there', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()]);
  expect((await booking.command(command, caller)).httpStatus).toBe(200);
  expect(second.requests).toHaveLength(0);
  first.stop();
  expect((await booking.command(select('A2'), caller)).httpStatus).toBe(200);
  expect((await booking.venue('main')).seq).toBe(1);
  expect(second.requests).toEqual(['POST /api/shows/main/seats/select', 'GET /api/shows/main/venue']);
});

test('[G7] a command goes to the next booking process if the first hangs', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 400 });
  first.hangs = true;
  expect((await booking.command(command, caller)).httpStatus).toBe(200);
  expect(second.requests).toHaveLength(1);
});

test('[R36] [G4] all attempts of a command have one key and the number of the attempt', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 400 });
  first.hangs = true;
  await booking.command(command, caller);
  await booking.command(select('A2'), caller);
  const attempts = [...first.headers, ...second.headers].map((headers) => [
    headers['idempotency-key'],
    headers['x-attempt'],
  ]);
  const [key, other] = [attempts[0]?.[0], attempts[2]?.[0]];
  expect(attempts).toEqual([
    [key, '1'],
    [key, '2'],
    [other, '1'],
  ]);
  expect(key).toMatch(/^[\w-]{16,64}$/);
  expect(other).not.toBe(key);
});

test('[G10] a slow booking process gets time, instead of doubled load', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 1000 });
  first.hangs = true;
  const slow = booking.command(command, caller);
  await until(() => first.requests.length === 1, 'the command is there');
  first.hangs = false;
  const others = setInterval(() => void booking.venue('main').catch(() => {}), 50);
  await expect(slow).rejects.toThrow(BookingTimeoutError);
  clearInterval(others);
  expect(second.requests).toHaveLength(0);
});

test('a refusal is returned; no other process is tried', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()]);
  await booking.command(command, caller);
  const { httpStatus, body } = await booking.command(command, caller);
  expect(httpStatus).toBe(409);
  expect(body).toMatchObject({ success: false, error: { code: 'SEAT_HELD' }, seat: { held_by: 'alice' } });
  expect(second.requests).toHaveLength(0);
});

test.each(['<html>Bad gateway</html>', '{"message":"Service Unavailable","statusCode":503}'])(
  'a reply that is not from a booking service counts as failed, and the next process is tried: %s',
  async (body) => {
    const [first, second] = [new FakeBooking(), new FakeBooking()];
    const booking = client([await first.listen(), await second.listen()]);
    first.failure = { status: 503, body };
    expect((await booking.command(command, caller)).httpStatus).toBe(200);
  },
);

test('the error shows whether no process was reachable, or none replied in time', async () => {
  const [dead, hanging] = [new FakeBooking(), new FakeBooking()];
  const deadUrl = await dead.listen();
  dead.stop();
  await expect(client([deadUrl]).command(command, caller)).rejects.toThrow(BookingUnavailableError);
  hanging.hangs = true;
  const booking = client([await hanging.listen()], { commandTimeoutMs: 200 });
  await expect(booking.command(command, caller)).rejects.toThrow(BookingTimeoutError);
});

test('[G10] the number of waiting commands is bounded', async () => {
  const hanging = new FakeBooking();
  hanging.hangs = true;
  const booking = client([await hanging.listen()], { commandTimeoutMs: 300, maxPending: 1 });
  const first = booking.command(command, caller);
  await expect(booking.command(command, caller)).rejects.toThrow(BookingBusyError);
  await expect(first).rejects.toThrow(BookingTimeoutError);
});

test('[R334] [G9] session checks never delay a command', async () => {
  const process = new FakeBooking();
  const booking = client([await process.listen()], { connectionsPerUrl: 2, maxPending: 4 });
  process.hangsOnSessions = true;
  const checks = Array.from({ length: 40 }, (_, n) =>
    booking.sessions([`token-${n}`]).catch((error: Error) => error.name),
  );
  await until(() => process.requests.includes('session'), 'a check');
  expect((await booking.command(command, caller)).httpStatus).toBe(200);
  await booking.close();
  expect(new Set(await Promise.all(checks)).size).toBe(1);
});

test.each([
  { sessions: [{ user_id: 'u_alice', expires_at: 'soon' }] },
  { sessions: [{ user_id: 'u_alice' }] },
  { sessions: [{ user_id: 'a b', expires_at: 1 }] },
  { sessions: [{ user_id: 'x'.repeat(65), expires_at: 1 }] },
  { sessions: [] },
  { sessions: [null, null] },
  'u_alice',
])('[R334] [G9] a reply that is not a session for each token is rejected: %j', async (reply) => {
  const process = new FakeBooking();
  const booking = client([await process.listen()]);
  process.failure = { status: 200, body: JSON.stringify(reply) };
  await expect(booking.sessions(['token'])).rejects.toBeInstanceOf(BookingUnavailableError);
});

test('[R460] [G9] a reply of an unexpected shape is rejected', async () => {
  const process = new FakeBooking();
  const booking = client([await process.listen()]);
  process.failure = { status: 200, body: JSON.stringify({ status: 'ok' }) };
  await expect(booking.venue('main')).rejects.toBeInstanceOf(BookingUnavailableError);
  await expect(booking.eventsAfter('main', { epoch: 'e', seq: 0 })).rejects.toBeInstanceOf(BookingUnavailableError);
  await expect(booking.command(command, caller)).rejects.toBeInstanceOf(BookingUnavailableError);
});

describe('[R280] [G7] a process that replies but cannot serve the request', () => {
  const inAnHour = Date.now() / 1000 + 3_600;
  const unavailable = (code: string) =>
    JSON.stringify({ success: false, error: { code, message: `${code} here`, retryable: true } });

  async function two(more = {}) {
    const [cutOff, healthy] = [new FakeBooking(), new FakeBooking()];
    for (const fake of [cutOff, healthy]) fake.sessions.set('good', { user_id: 'u_alice', expires_at: inAnHour });
    const booking = client([await cutOff.listen(), await healthy.listen()], more);
    cutOff.isCutOff = true;
    return { cutOff, healthy, booking };
  }
  const commandsOf = ({ requests }: FakeBooking) => requests.filter((request) => request.startsWith('POST')).length;

  test.each([
    [503, 'STORE_UNAVAILABLE'],
    [503, 'BUSY'],
    [504, 'TIMEOUT'],
    [500, 'INTERNAL'],
  ])('%i %s: the command goes to the next one, with the same key and the next attempt', async (status, code) => {
    const { cutOff, healthy, booking } = await two();
    cutOff.failure = { status, body: unavailable(code) };
    expect((await booking.command(command, caller)).httpStatus).toBe(200);
    const [first, second] = [cutOff.headers[0], healthy.headers[0]];
    expect(second?.['idempotency-key']).toBe(first?.['idempotency-key']);
    expect([first?.['x-attempt'], second?.['x-attempt']]).toEqual(['1', '2']);
  });

  test('is tried last from then on, although it serves session checks and stale reads', async () => {
    const { cutOff, healthy, booking } = await two();
    for (let n = 1; n <= 10; n++) {
      expect((await booking.command(select(`A${n}`), caller)).httpStatus).toBe(200);
      await booking.sessions(['good']);
      expect(await booking.venue('main')).not.toHaveProperty('stale');
      expect((await booking.eventsAfter('main', { epoch: 'e1', seq: 0 })).events).toHaveLength(n);
    }
    expect([commandsOf(cutOff), commandsOf(healthy)]).toEqual([1, 10]);
    expect(cutOff.requests).toHaveLength(1);
  });

  test('is tried again when the others fail, and stays if it succeeds', async () => {
    const { cutOff, healthy, booking } = await two();
    await booking.command(command, caller);
    cutOff.isCutOff = false;
    healthy.isCutOff = true;
    for (const seat_id of ['A2', 'A3']) {
      expect((await booking.command(select(seat_id), caller)).httpStatus).toBe(200);
    }
    expect([commandsOf(cutOff), commandsOf(healthy)]).toEqual([3, 2]);
  });

  test('is not avoided because of one busy seat', async () => {
    const { cutOff, healthy, booking } = await two();
    cutOff.failure = { status: 503, body: unavailable('BUSY') };
    await booking.command(command, caller);
    cutOff.failure = undefined;
    cutOff.isCutOff = false;
    await booking.command(select('A2'), caller);
    expect([commandsOf(cutOff), commandsOf(healthy)]).toEqual([2, 1]);
  });

  test('that has a stale venue is used only if no other one has a fresh venue', async () => {
    const { cutOff, healthy, booking } = await two();
    expect(await booking.venue('main')).not.toHaveProperty('stale');
    healthy.isCutOff = true;
    expect(await booking.venue('main')).toHaveProperty('stale', true);
    healthy.failure = { status: 503, body: unavailable('STORE_UNAVAILABLE') };
    expect(await booking.venue('main'), 'stale, rather than none').toHaveProperty('stale', true);
    expect(cutOff.requests).toContain('GET /api/shows/main/venue');
  });

  test('all of them: the refusal of the last one, each tried once, immediately', async () => {
    const { cutOff, healthy, booking } = await two();
    cutOff.failure = { status: 504, body: unavailable('TIMEOUT') };
    healthy.failure = { status: 503, body: unavailable('STORE_UNAVAILABLE') };
    const startMs = performance.now();
    const { httpStatus, body } = await booking.command(command, caller);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect([httpStatus, body]).toMatchObject([503, { error: { message: 'STORE_UNAVAILABLE here' } }]);
    expect([commandsOf(cutOff), commandsOf(healthy)]).toEqual([1, 1]);
  });

  test('the only one: its refusal, tried once', async () => {
    const only = new FakeBooking();
    only.isCutOff = true;
    const { httpStatus, body } = await client([await only.listen()]).command(command, caller);
    expect([httpStatus, body]).toMatchObject([503, { error: { code: 'STORE_UNAVAILABLE' } }]);
    expect(only.requests).toHaveLength(1);
  });

  test('next to a dead one: the refusal is more useful than the dead connection', async () => {
    const { healthy, booking } = await two();
    healthy.stop();
    const { body } = await booking.command(command, caller);
    expect(body).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
  });

  test('does not count as alive because of session checks while it hangs on commands', async () => {
    const { cutOff, healthy, booking } = await two({ commandTimeoutMs: 1_000 });
    const answerSessions = setInterval(() => void booking.sessions(['good']).catch(() => {}), 25);
    onTestFinished(() => clearInterval(answerSessions));
    cutOff.hangsOnCommands = true;
    expect((await booking.command(command, caller)).httpStatus).toBe(200);
    expect(commandsOf(healthy)).toBe(1);
  });

  test.each([400, 401, 403, 404, 409, 429])('a %i is returned: no other process is tried', async (status) => {
    const { cutOff, healthy, booking } = await two();
    cutOff.failure = { status, body: unavailable('RATE_LIMITED') };
    expect((await booking.command(command, caller)).httpStatus).toBe(status);
    expect(healthy.requests).toHaveLength(0);
  });

  test('many that hang leave time for the last one', async () => {
    const fakes = Array.from({ length: 5 }, () => new FakeBooking());
    const urls = await Promise.all(fakes.map((fake) => fake.listen()));
    for (const fake of fakes.slice(0, 4)) fake.hangs = true;
    const booking = client(urls, { commandTimeoutMs: 1_000 });
    expect((await booking.command(command, caller)).httpStatus).toBe(200);
  });
});

describe("[R824] a turn's commands in one request", () => {
  const inTurn = (booking: BookingClient, count: number) =>
    Array.from({ length: count }, (_, n) =>
      booking.command(
        { path: '/api/shows/main/seats/select', body: { seat_id: 'A1', user_id: `user${n}` } },
        { address: `203.0.113.${n % 250}`, requestId: `c.${n}`, token: `t${n}` },
      ),
    );

  test('each gets its own reply, and goes with its own client, key and id', async () => {
    const process = new FakeBooking();
    const booking = client([await process.listen()]);
    const replies = await Promise.all(inTurn(booking, 100));
    expect(replies.map(({ httpStatus }) => httpStatus)).toEqual([200, ...new Array(99).fill(409)]);
    expect(process.batches.map(({ length }) => length)).toEqual([100]);
    const [first, second] = process.batches[0] ?? [];
    expect(first).toMatchObject({ address: '203.0.113.0', request_id: 'c.0', token: 't0', attempt: 1 });
    expect(second?.key).not.toBe(first?.key);
  });

  test('the number of commands in a request is bounded', async () => {
    const process = new FakeBooking();
    const booking = client([await process.listen()]);
    await Promise.all(inTurn(booking, 300));
    expect(process.batches.map(({ length }) => length).sort()).toEqual([128, 128, 44]);
  });

  test('another show, and a search for best seats, do not share a request: they may take longer', async () => {
    const process = new FakeBooking();
    const booking = client([await process.listen()]);
    const best = { path: '/api/shows/main/holds', body: { best: { count: 2 }, user_id: 'bob' } };
    const other = { path: '/api/shows/other/seats/select', body: { seat_id: 'A1', user_id: 'bob' } };
    await Promise.allSettled(
      [select('A1'), best, best, other, select('A2')].map((each) => booking.command(each, caller)),
    );
    expect(process.batches.map(({ length }) => length).sort()).toEqual([1, 1, 1, 2]);
  });

  test('of a request that fails each command is tried elsewhere with its key, and is decided once', async () => {
    const [first, second] = [new FakeBooking(), new FakeBooking()];
    const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 600 });
    first.hangs = true;
    const replies = await Promise.all(inTurn(booking, 20));
    expect(replies.filter(({ httpStatus }) => httpStatus === 200)).toHaveLength(1);
    const keysOf = ({ batches }: FakeBooking) => batches.flat().map(({ key }) => key);
    expect(keysOf(second).sort()).toEqual(keysOf(first).sort());
    expect(second.batches.flat().every(({ attempt }) => attempt === 2)).toBe(true);
  });

  test('a command of a request that fails alone is tried elsewhere alone', async () => {
    const [first, second] = [new FakeBooking(), new FakeBooking()];
    const booking = client([await first.listen(), await second.listen()]);
    first.failsAt.add('A2');
    const replies = await Promise.all(['A1', 'A2', 'A3'].map((seat) => booking.command(select(seat), caller)));
    expect(replies.map(({ httpStatus }) => httpStatus)).toEqual([200, 200, 200]);
    expect(second.batches.flat().map(({ body }) => body)).toEqual([select('A2').body]);
  });

  test('a hanging request is ended when none of its commands waits any more', async () => {
    const process = new FakeBooking();
    const booking = client([await process.listen()], { commandTimeoutMs: 200, connectionsPerUrl: 1 });
    process.hangs = true;
    await expect(Promise.all(inTurn(booking, 3))).rejects.toThrow(BookingTimeoutError);
    process.hangs = false;
    expect((await booking.command(command, caller)).httpStatus).toBe(200); // over the only connection
  });
});

test.each([
  [400, 'INVALID_REQUEST'],
  [413, 'TOO_LARGE'],
])(
  '[R1087] [G9] of a request that is refused as a whole (%i) each command is sent alone, and the spoiler gets the refusal',
  async (status, code) => {
    const [process, other] = [new FakeBooking(), new FakeBooking()];
    const booking = client([await process.listen(), await other.listen()]);
    process.spoiler = { seat: 'A2', status, code };
    const replies = await Promise.all(['A1', 'A2', 'A3'].map((seat) => booking.command(select(seat), caller)));
    expect(replies.map(({ httpStatus }) => httpStatus)).toEqual([200, status, 200]);
    expect(replies[1]?.body).toMatchObject({ success: false, error: { code } });
    const [together = [], ...alone] = process.batches;
    expect([together.length, alone.length, other.requests.length]).toEqual([3, 3, 0]);
    expect(alone.flat().map(({ key, attempt }) => [key, attempt])).toEqual(together.map(({ key }) => [key, 1]));
  },
);
