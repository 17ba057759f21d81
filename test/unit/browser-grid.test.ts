import { expect, test } from 'vitest';
import { placeAfterKey } from '../../src/browser/grid-keys.ts';
import { nearestFreeSeat } from '../../src/browser/nearest-free-seat.ts';
import { seatGridHtml } from '../../src/browser/seat-grid-html.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { seatId } from '../../src/protocol/seat-id.ts';

const size = { rows: 4, cols: 5 };
const key = (key: string, row: number, col: number, ctrlKey = false) =>
  placeAfterKey({ key, ctrlKey }, { row, col }, size);

test.each([
  ['ArrowUp', false, [1, 2]],
  ['ArrowDown', false, [3, 2]],
  ['ArrowLeft', false, [2, 1]],
  ['ArrowRight', false, [2, 3]],
  ['Home', false, [2, 0]],
  ['End', false, [2, 4]],
  ['Home', true, [0, 0]],
  ['End', true, [3, 4]],
  ['PageUp', false, [0, 2]],
  ['PageDown', false, [3, 2]],
])('[R118] %s (with Ctrl: %s) leads from the middle to %j', (name, ctrlKey, [row, col]) => {
  expect(key(name, 2, 2, ctrlKey)).toEqual({ row, col });
});

test('[R118] at the edges the arrows do not move, and other keys are ignored', () => {
  expect([key('ArrowUp', 0, 0), key('ArrowLeft', 0, 0)]).toEqual(Array(2).fill({ row: 0, col: 0 }));
  expect([key('ArrowDown', 3, 4), key('ArrowRight', 3, 4)]).toEqual(Array(2).fill({ row: 3, col: 4 }));
  for (const name of ['Enter', ' ', 'Tab', 'a', 'Escape']) expect(key(name, 1, 1)).toBeUndefined();
});

/** `#` is taken, `.` is free. */
function seatsOf(...rows: string[]): Seat[] {
  return rows.flatMap((text, row) =>
    [...text].map((mark, col) => ({ id: seatId(row, col), row, col, status: mark === '.' ? 0 : 2, seq: 0 }) as Seat),
  );
}

test.each([
  ['A3', ['..#.', '....'], 'A2'],
  ['A1', ['#...', '....'], 'A2'],
  ['A1', ['##..', '....'], 'B1'],
  ['B2', ['.##.', '###.', '....'], 'C2'],
  ['B2', ['#.#', '###', '#.#'], 'A2'],
  ['A1', ['#####', '####.'], 'B5'],
])('[R114] nearest to %s in %j is %s', (id, rows, expected) => {
  const seats = seatsOf(...rows);
  expect(nearestFreeSeat(seats, seats.find((seat) => seat.id === id) as Seat)?.id).toBe(expected);
});

test('[R114] if all is sold there is no nearest seat', () => {
  const seats = seatsOf('##', '##');
  expect(nearestFreeSeat(seats, seats[0] as Seat)).toBeUndefined();
});

test('[R120] the grid names every seat, has one tab stop, and does not reveal holders', () => {
  const [free, taken] = seatsOf('.#') as [Seat, Seat];
  const html = seatGridHtml([free, { ...taken, held_by: 'somebody' }]);
  expect(html.match(/role="row"/g)).toHaveLength(1);
  expect(html.match(/tabindex="0"/g)).toHaveLength(1);
  expect(html).toContain(
    'id="seat-A1" data-seat-id="A1" tabindex="0" aria-label="Row A, seat 1, available" title="Row A, seat 1, available"',
  );
  expect(html).toContain('role="rowheader" aria-label="Row A"');
  expect(html).toContain('aria-label="Row A, seat 2, booked"');
  expect(html).not.toContain('somebody');
});

test('[R455] without styles the seats of a row are apart, and a taken one is a letter', () => {
  const row = seatGridHtml(seatsOf('.#.'))
    .replaceAll(/<[^>]*>/g, '')
    .trim();
  expect(row).toBe('A 1 x 3 A');
});
