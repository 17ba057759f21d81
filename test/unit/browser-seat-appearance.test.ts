import { expect, test } from 'vitest';
import { seatAppearance } from '../../src/browser/seat-appearance.ts';
import { available, booked, held } from './browser-fixture.ts';

test.each([
  [available('A1', 0), 'available', false, '1', 'Row A, seat 1, available'],
  [held('B2', 1, 'alice'), 'held', true, '2', 'Row B, seat 2, held by you'],
  [held('B2', 1, 'bob'), 'held', false, 'h', 'Row B, seat 2, held by someone else'],
  [booked('J10', 1, 'alice'), 'booked', true, '10', 'Row J, seat 10, booked by you'],
  [booked('J10', 1, 'bob'), 'booked', false, 'x', 'Row J, seat 10, booked'],
] as const)('[R101] [R455] a seat looks like what it is, and says so: %#', (seat, status, isMine, text, label) => {
  expect(seatAppearance(seat, 'alice')).toEqual({ status, isMine, text, label });
});
