import { expect, onTestFinished, test } from 'vitest';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { BookingBusyError, BookingTimeoutError, BookingUnavailableError } from '../../src/edge/booking-errors.ts';
import { FakeBooking, until } from './edge-fixture.ts';

const caller = { address: '203.0.113.7' };
const command = { seat_id: 'A1', user_id: 'alice' };

function client(urls: string[], more = {}): BookingClient {
  const booking = new BookingClient({ urls, ...more });
  onTestFinished(() => booking.close());
  return booking;
}

test('[G7] a command goes to the next booking process where the first has died, and stays there', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()]);
  expect((await booking.command('select', command, caller)).httpStatus).toBe(200);
  expect(second.requests).toHaveLength(0);
  first.stop();
  expect((await booking.command('select', { seat_id: 'A2', user_id: 'alice' }, caller)).httpStatus).toBe(200);
  expect((await booking.venue()).seq).toBe(1);
  expect(second.requests).toEqual(['POST /api/seats/select', 'GET /api/venue']);
});

test('[G7] a command goes to the next booking process where the first hangs', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 400 });
  first.hangs = true;
  expect((await booking.command('select', command, caller)).httpStatus).toBe(200);
  expect(second.requests).toHaveLength(1);
});

test('[R36] [G4] all attempts at a command have one key, and say which attempt they are', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 400 });
  first.hangs = true;
  await booking.command('select', command, caller);
  await booking.command('select', { seat_id: 'A2', user_id: 'alice' }, caller);
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

test('[G10] a booking process that is only slow is waited for, rather than the load doubled', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()], { commandTimeoutMs: 1000 });
  first.hangs = true;
  const slow = booking.command('select', command, caller);
  await until(() => first.requests.length === 1, 'the command is there');
  first.hangs = false;
  const others = setInterval(() => void booking.venue().catch(() => {}), 50);
  await expect(slow).rejects.toThrow(BookingTimeoutError);
  clearInterval(others);
  expect(second.requests).toHaveLength(0);
});

test('a refusal is an answer, not a reason to ask another', async () => {
  const [first, second] = [new FakeBooking(), new FakeBooking()];
  const booking = client([await first.listen(), await second.listen()]);
  await booking.command('select', command, caller);
  const { httpStatus, body } = await booking.command('select', command, caller);
  expect(httpStatus).toBe(409);
  expect(body).toMatchObject({ success: false, error: { code: 'SEAT_HELD' }, seat: { held_by: 'alice' } });
  expect(second.requests).toHaveLength(0);
});

test.each(['<html>Bad gateway</html>', '{"message":"Service Unavailable","statusCode":503}'])(
  'what is not said by the booking service is no answer, the next is asked: %s',
  async (body) => {
    const [first, second] = [new FakeBooking(), new FakeBooking()];
    const booking = client([await first.listen(), await second.listen()]);
    first.failure = { status: 503, body };
    expect((await booking.command('select', command, caller)).httpStatus).toBe(200);
  },
);

test('where none can be reached, or none answers in time, that is what the error says', async () => {
  const [dead, hanging] = [new FakeBooking(), new FakeBooking()];
  const deadUrl = await dead.listen();
  dead.stop();
  await expect(client([deadUrl]).command('select', command, caller)).rejects.toThrow(BookingUnavailableError);
  hanging.hangs = true;
  const booking = client([await hanging.listen()], { commandTimeoutMs: 200 });
  await expect(booking.command('select', command, caller)).rejects.toThrow(BookingTimeoutError);
});

test('[G10] no more than a bounded number of commands waits', async () => {
  const hanging = new FakeBooking();
  hanging.hangs = true;
  const booking = client([await hanging.listen()], { commandTimeoutMs: 300, maxPending: 1 });
  const first = booking.command('select', command, caller);
  await expect(booking.command('select', command, caller)).rejects.toThrow(BookingBusyError);
  await expect(first).rejects.toThrow(BookingTimeoutError);
});
