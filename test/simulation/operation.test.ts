import { expect, test } from 'vitest';
import { event, freeSeat, seatOf, user } from '../bench/audit-fixture.ts';
import { type Operation, onSeat } from './operation.ts';

const [ann, bob] = [user('ann'), user('bob')];
const heldSeat = seatOf(event(1, 'held', 'ann'));
const bookedSeat = { ...seatOf(event(2, 'booked', 'ann')), id: 'A2' };
const base = { clientId: 'c', invokedAtMs: 1, returnedAtMs: 2 };
const group = { ...base, action: 'select', userId: bob, seatIds: ['A1', 'A2', 'A3'] } as const;

test('[R473] a group is a part of the history of each seat, with the reason of that seat', () => {
  const refused: Operation = { ...group, outcome: { refusal: 'SEATS_TAKEN', seats: [heldSeat, bookedSeat] } };
  expect(onSeat(refused, 'A1')?.outcome).toEqual({ refusal: 'SEAT_HELD', seat: heldSeat });
  expect(onSeat(refused, 'A2')?.outcome).toEqual({ refusal: 'SEAT_BOOKED', seat: bookedSeat });
  expect(onSeat(refused, 'A3')).toBeUndefined();
  expect(onSeat(refused, 'B1')).toBeUndefined();
  const limited: Operation = { ...group, outcome: { refusal: 'HOLD_LIMIT', seats: [freeSeat] } };
  expect(onSeat(limited, 'A1')?.outcome).toEqual({ refusal: 'HOLD_LIMIT', seat: freeSeat });
  expect(onSeat({ ...group, outcome: 'unknown' }, 'A3')?.outcome).toBe('unknown');
});

test('[R473] the reply about one seat is checked unchanged', () => {
  const single = { ...base, action: 'select', userId: ann, seatIds: ['A1'] } as const;
  expect(onSeat({ ...single, outcome: { seats: [heldSeat] } }, 'A1')).toEqual({
    ...{ ...base, action: 'select', userId: ann },
    outcome: { seat: heldSeat },
  });
  const wrong: Operation = { ...single, outcome: { refusal: 'SEATS_TAKEN', seats: [heldSeat] } };
  expect(onSeat(wrong, 'A1')?.outcome).toEqual({ refusal: 'SEATS_TAKEN', seat: heldSeat });
  expect(onSeat({ ...single, outcome: { refusal: 'SEAT_HELD' } }, 'A1')?.outcome).toEqual({ refusal: 'SEAT_HELD' });
});
