import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { accessOf } from '../../src/identity/access.ts';
import { loadBookingConfig } from '../../src/process/config.ts';
import type { ErrorReply, HoldReply } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { oneShow } from '../support/one-show.ts';
import { patience } from '../support/patience.ts';
import { silent } from '../support/silent.ts';

const holdTtlMs = 30_000;
const maxHoldsPerUser = 25;

interface Reply {
  status: number;
  body: HoldReply | ErrorReply;
  headers: Record<string, unknown>;
}

/** The routes over a venue in memory of 3 × 10 seats. */
async function startBooking({ maxExtensions = 1, env = { RATE_LIMIT: 'off' } as NodeJS.ProcessEnv } = {}) {
  const venue = { name: 'main', rows: 3, cols: 10, holdTtlMs, maxHoldsPerUser, maxExtensions };
  const line = new MemoryBusLine();
  const published: SeatEvent[] = [];
  new MemoryEventBus(line).subscribe({ onEvent: (event) => void published.push(event) });
  const access = accessOf(loadBookingConfig(env), silent);
  const { app, service } = await oneShow({ venue, bus: new MemoryEventBus(line), access });
  service.start();
  onTestFinished(() => app.close());
  await vi.waitFor(() => expect(service.isOpen).toBe(true), patience);
  const post = async (path: string, body: object, headers: Record<string, string> = {}): Promise<Reply> => {
    const url = `/api/shows/${path}`;
    const reply = await app.inject({ method: 'POST', url, payload: body, headers, remoteAddress: '203.0.113.7' });
    return { status: reply.statusCode, body: reply.json(), headers: reply.headers };
  };
  return { post, service, published };
}

const idsOf = ({ body }: Reply) => body.seats?.map(({ id }) => id);

test('[G13] [R394] POST holds: all seats with one end, published; or none, with the seats that are taken', async () => {
  const { post, published, service } = await startBooking();
  const held = await post('main/holds', { seats: ['B1', 'B2', 'B3'], user_id: 'alice' });
  expect(held).toMatchObject({ status: 200, body: { success: true, expires_at: expect.any(Number) } });
  expect(held.body.seats).toMatchObject(
    ['B1', 'B2', 'B3'].map((id, i) => ({ id, status: 1, held_by: 'alice', seq: i + 1 })),
  );
  expect(published.map(({ seat_id, type }) => `${seat_id} ${type}`)).toEqual(['B1 held', 'B2 held', 'B3 held']);

  const refused = await post('main/holds', { seats: ['B3', 'B4'], user_id: 'bob' });
  expect(refused).toMatchObject({ status: 409, body: { success: false, error: { code: 'SEATS_TAKEN' } } });
  expect(idsOf(refused)).toEqual(['B3']);
  expect(service.view.seat('B4')?.status).toBe(0);
});

test('[R394] extend, book and release: the seats that are named, or all that the user holds', async () => {
  const { post, service } = await startBooking();
  const statuses = () => ['A1', 'A2', 'A3', 'A4'].map((id) => service.view.seat(id)?.status);
  const user_id = 'alice';
  const { body } = await post('main/holds', { seats: ['A1', 'A2', 'A3', 'A4'], user_id });
  const extended = await post('main/holds/extend', { user_id });
  expect(idsOf(extended)).toEqual(['A1', 'A2', 'A3', 'A4']);
  expect((extended.body as HoldReply).expires_at).toBeGreaterThanOrEqual((body as HoldReply).expires_at ?? Infinity);
  expect(await post('main/holds/book', { seats: ['A1', 'A2'], user_id })).toMatchObject({ status: 200 });
  expect(statuses()).toEqual([2, 2, 1, 1]);
  expect(idsOf(await post('main/holds/release', { user_id }))).toEqual(['A3', 'A4']);
  expect(statuses()).toEqual([2, 2, 0, 0]);
  expect(await post('main/holds/book', { user_id })).toMatchObject({
    status: 409,
    body: { error: { code: 'NOT_HOLDER' } },
  });
});

test('[R395] an extension too many is 429 EXTENSION_LIMIT, with the seats and with Retry-After until the hold ends', async () => {
  const { post } = await startBooking({ maxExtensions: 1 });
  await post('main/holds', { seats: ['C1'], user_id: 'alice' });
  expect((await post('main/holds/extend', { user_id: 'alice' })).status).toBe(200);
  const refused = await post('main/holds/extend', { user_id: 'alice' });
  expect(refused).toMatchObject({ status: 429, body: { error: { code: 'EXTENSION_LIMIT', retryable: false } } });
  expect(idsOf(refused)).toEqual(['C1']);
  expect(Number(refused.headers['retry-after'])).toBe(holdTtlMs / 1000);
});

test('[R36] [R394] with an Idempotency-Key the same command is done once; a retry must name its seats', async () => {
  const { post } = await startBooking();
  const key = { 'idempotency-key': '0123456789abcdef' };
  const body = { seats: ['A1', 'A2'], user_id: 'alice' };
  const first = await post('main/holds', body, key);
  await post('main/holds/release', body);
  const repeated = await post('main/holds', body, { ...key, 'x-attempt': '2' });
  expect(repeated.body).toEqual(first.body);
  await post('main/holds', body);
  const all = { user_id: 'alice' };
  expect(await post('main/holds/book', all, { ...key, 'x-attempt': '2' })).toMatchObject({
    status: 504,
    body: { error: { code: 'TIMEOUT', retryable: true } },
  });
  expect(idsOf(await post('main/holds/book', all, key))).toEqual(['A1', 'A2']);
});

test.each([
  ['another show', 'other/holds', { seats: ['A1'] }, 404, 'UNKNOWN_SHOW'],
  ['a seat that there is not', 'main/holds', { seats: ['A1', 'Z9'] }, 404, 'UNKNOWN_SEAT'],
  ['no seats', 'main/holds', { seats: [] }, 400, 'INVALID_REQUEST'],
  ['no list', 'main/holds', {}, 400, 'INVALID_REQUEST'],
  ['a seat twice', 'main/holds', { seats: ['A1', 'A1'] }, 400, 'INVALID_REQUEST'],
  ['21 seats', 'main/holds', { seats: Array.from({ length: 21 }, (_, i) => `A${i + 1}`) }, 400, 'INVALID_REQUEST'],
])('[G9] [R76] %s: its code, and nothing is held', async (_what, path, body, status, code) => {
  const { post, service } = await startBooking();
  const refused = await post(path, { ...body, user_id: 'alice' });
  expect(refused).toMatchObject({ status, body: { success: false, error: { code } } });
  expect(service.view.seq).toBe(0);
});

test('[G9] a user who holds more seats than a command takes must name them', async () => {
  const { post } = await startBooking();
  const seats = Array.from({ length: 10 }, (_, i) => i + 1);
  for (const row of ['A', 'B', 'C']) {
    await post('main/holds', { seats: seats.slice(0, 8).map((col) => `${row}${col}`), user_id: 'alice' });
  }
  const refused = await post('main/holds/release', { user_id: 'alice' });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
});

describe('[G10] [R396] the limits count a command once for each of its seats', () => {
  const row = (letter: string, seats = 10) => Array.from({ length: seats }, (_, col) => `${letter}${col + 1}`);
  const codeOf = ({ body }: Reply) => (body.success ? 'OK' : body.error.code);

  test('of a user', async () => {
    const { post } = await startBooking({ env: { REQUESTS_PER_SECOND_PER_USER: '20', MAX_HOLDS_PER_USER: '20' } });
    expect(codeOf(await post('main/holds', { seats: row('A'), user_id: 'alice' }))).toBe('OK');
    expect(codeOf(await post('main/holds/release', { user_id: 'alice' }))).toBe('OK'); // all ten
    expect(codeOf(await post('main/holds', { seats: ['B1'], user_id: 'alice' }))).toBe('RATE_LIMITED');
    expect(codeOf(await post('main/holds', { seats: ['B1'], user_id: 'bob' }))).toBe('OK');
  });

  test('of an address, whatever the number of its users', async () => {
    const env = { REQUESTS_PER_SECOND_PER_ADDRESS: '25', HOLDS_PER_ADDRESS: '100' };
    const { post } = await startBooking({ env });
    expect(codeOf(await post('main/holds', { seats: row('A'), user_id: 'alice' }))).toBe('OK');
    expect(codeOf(await post('main/holds', { seats: row('B'), user_id: 'bob' }))).toBe('OK');
    expect(codeOf(await post('main/holds', { seats: row('C'), user_id: 'carol' }))).toBe('RATE_LIMITED');
  });
});
