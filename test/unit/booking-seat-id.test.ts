import { Check } from 'typebox/value';
import { expect, test } from 'vitest';
import { SeatId } from '../../src/protocol/seat.ts';
import { rowLabel, seatId } from '../../src/protocol/seat-id.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';

test.each([
  [0, 'A'],
  [9, 'J'],
  [25, 'Z'],
  [26, 'AA'],
  [27, 'AB'],
  [51, 'AZ'],
  [52, 'BA'],
  [701, 'ZZ'],
  [702, 'AAA'],
  [18_277, 'ZZZ'],
])('[R25] row %i is %s', (row, label) => {
  expect(rowLabel(row)).toBe(label);
});

test('[R25] the letters count from row 0, the number from column 1', () => {
  expect(seatId(0, 0)).toBe('A1');
  expect(seatId(9, 9)).toBe('J10');
  expect(seatId(26, 0)).toBe('AA1');
});

test('[R25] every seat of a venue has a unique id, in row-major order', () => {
  const seats = [...emptySeats(gridPlan({ rows: 30, cols: 12 }))];
  expect(new Set(seats.map(({ id }) => id)).size).toBe(360);
  expect(seats[0]).toEqual({ id: 'A1', row: 0, col: 0, status: 0, seq: 0 });
  expect(seats.at(-1)).toEqual({ id: 'AD12', row: 29, col: 11, status: 0, seq: 0 });
  expect(seats.toSorted((a, b) => a.row - b.row || a.col - b.col)).toEqual(seats);
});

test('[R384] a seat id has 1 to 32 letters, digits and hyphens, and does not begin with a hyphen', () => {
  for (const id of ['A1', 'a', '7', 'stalls-left-12', 'x'.repeat(32)]) expect(Check(SeatId, id), id).toBe(true);
  for (const id of ['', '-A1', 'A_1', 'A 1', 'A1\n', 'A*', 'À1', 'x'.repeat(33)])
    expect(Check(SeatId, id), id).toBe(false);
});
