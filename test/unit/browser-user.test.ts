import { expect, test } from 'vitest';
import { seatAppearance } from '../../src/browser/seat-appearance.ts';
import { loadUserId, randomUserId, userIdPattern } from '../../src/browser/user-id.ts';
import { UserId } from '../../src/protocol/seat.ts';
import { available, booked, held } from './browser-fixture.ts';

function storage(initial: string | null = null) {
  let stored = initial;
  return {
    stored: () => stored,
    getItem: () => stored,
    setItem: (_key: string, value: string) => {
      stored = value;
    },
  };
}

function refuse(): never {
  throw new DOMException('denied', 'SecurityError');
}

test('[R99] a new browser gets an id that it keeps', () => {
  const store = storage();
  const id = loadUserId(() => store);
  expect(store.stored()).toBe(id);
  expect(loadUserId(() => store)).toBe(id);
});

test('[R99] ids are valid, and differ', () => {
  const ids = Array.from({ length: 1000 }, randomUserId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(userIdPattern);
});

test('[R99] the pattern is that of the wire', () => {
  expect(UserId).toMatchObject({ pattern: userIdPattern.source });
});

test.each(['', 'two words', 'x'.repeat(65), '<b>', 'seats.>', 'a\n'])('[R99] %j in the storage is replaced', (bad) => {
  const store = storage(bad);
  const id = loadUserId(() => store);
  expect(id).toMatch(userIdPattern);
  expect(store.stored()).toBe(id);
});

test.each([
  ['may not be opened', refuse],
  ['may not be read', () => ({ ...storage(), getItem: refuse })],
  ['is full', () => ({ ...storage(), setItem: refuse })],
])('[R99] where the storage %s the id lasts as long as the page', (_, open) => {
  expect(loadUserId(open)).toMatch(userIdPattern);
});

test.each([
  [available('A1', 0), 'available', false, 'Row A, seat 1, available'],
  [held('B2', 1, 'alice'), 'held', true, 'Row B, seat 2, held by you'],
  [held('B2', 1, 'bob'), 'held', false, 'Row B, seat 2, held by someone else'],
  [booked('J10', 1, 'alice'), 'booked', true, 'Row J, seat 10, booked by you'],
  [booked('J10', 1, 'bob'), 'booked', false, 'Row J, seat 10, booked'],
] as const)('[R101] a seat looks like what it is, and says so: %#', (seat, status, isMine, label) => {
  expect(seatAppearance(seat, 'alice')).toEqual({ status, isMine, label });
});
