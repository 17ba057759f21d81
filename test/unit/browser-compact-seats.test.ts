import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expandedState } from '../../src/browser/compact-seats.ts';
import { GridOrder } from '../../src/browser/seat-order.ts';
import { Venue } from '../../src/browser/venue.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { CompactState } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';

const plan = gridPlan({ rows: 2, cols: 2 });
const users = ['me', 'you', 'they'];

/** A history of the four seats: each step is a transition. */
const history = fc.array(fc.record({ seat: fc.nat(3), status: fc.nat(2), user: fc.constantFrom(...users) }), {
  maxLength: 30,
});
type Step = { seat: number; status: number; user: string };

function seatsAfter(steps: readonly Step[]): Seat[] {
  const seats: Seat[] = [...plan.seats()].map((planned) => ({ ...planned, status: 0, seq: 0 }));
  for (const [i, { seat, status, user }] of steps.entries()) {
    const { id, row, col } = seats[seat] as Seat;
    const holder = status === 0 ? {} : { held_by: user };
    const end = status === 1 ? { expires_at: i } : {};
    seats[seat] = { id, row, col, status: status as Seat['status'], seq: i + 1, ...holder, ...end };
  }
  return seats;
}

function compact(steps: readonly Step[], userId: string): CompactState {
  const seats = seatsAfter(steps);
  return {
    ...{
      venue: 'main',
      epoch: 'e',
      seq: steps.length,
      server_time: 1,
      hold_seconds: 30,
      max_holds: 6,
      rows: 2,
      cols: 2,
    },
    statuses: seats.map(({ status }) => status).join(''),
    own: seats.filter(({ held_by }) => held_by === userId),
  };
}

const shown = (seats: Iterable<Seat>) =>
  [...seats].map(({ id, status, held_by, expires_at }) =>
    held_by === 'me' ? { id, status, held_by, expires_at } : { id, status, isMine: held_by === 'me' },
  );

test('[R640] after SEATS every seat has its status, and the seats of the user their end, whatever was known before', () => {
  fc.assert(
    fc.property(history, history, (before, between) => {
      const venue = new Venue();
      const states = [before, [...before, ...between]];
      for (const steps of states) {
        venue.replace(expandedState(compact(steps, 'me'), { order: plan, known: venue, userId: 'me' }));
      }
      expect(shown(venue.seats)).toEqual(shown(seatsAfter([...before, ...between])));
    }),
  );
});

test('[R640] a seat that looks as before is not drawn again', () => {
  const touched: string[] = [];
  const venue = new Venue(({ id }) => touched.push(id));
  const first = [{ seat: 0, status: 1, user: 'you' }];
  venue.replace(expandedState(compact(first, 'me'), { order: plan, known: venue, userId: 'me' }));
  touched.length = 0;
  const second = [...first, { seat: 3, status: 2, user: 'they' }];
  venue.replace(expandedState(compact(second, 'me'), { order: plan, known: venue, userId: 'me' }));
  expect(touched).toEqual(['B2']);
});

test('[R1093] [G5] a seat that changed and changed back is not moved back by the older state of another edge', () => {
  const drawn: string[] = [];
  const venue = new Venue(({ id }) => drawn.push(id));
  const steps = [
    { seat: 0, status: 1, user: 'you' },
    { seat: 0, status: 0, user: 'you' },
  ];
  for (const seen of [[], steps]) {
    venue.replace(expandedState(compact(seen, 'me'), { order: plan, known: venue, userId: 'me' }));
  }
  drawn.length = 0;
  venue.replace(expandedState(compact(steps.slice(0, 1), 'me'), { order: plan, known: venue, userId: 'me' }));
  expect([venue.seat('A1')?.status, drawn]).toEqual([0, []]);
});

test('[R640] a seat that an ACK showed later than SEATS stays as the ACK has it', () => {
  const venue = new Venue();
  venue.replace(expandedState(compact([], 'me'), { order: plan, known: venue, userId: 'me' }));
  venue.learn({ id: 'A1', row: 0, col: 0, status: 1, held_by: 'me', expires_at: 9, seq: 5 });
  venue.replace(
    expandedState(compact([{ seat: 1, status: 2, user: 'you' }], 'me'), { order: plan, known: venue, userId: 'me' }),
  );
  expect(venue.seat('A1')).toMatchObject({ status: 1, held_by: 'me', seq: 5 });
});

test.each([
  { rows: 1, cols: 1 },
  { rows: 10, cols: 10 },
  { rows: 30, cols: 7 },
])('[R809] without a plan the indexes of SEATS are those of a grid: $rows rows of $cols seats', (size) => {
  const order = new GridOrder(size);
  const seats = Array.from({ length: order.size }, (_, index) => ({
    id: order.id(index),
    row: order.rowOf(index),
    col: order.colOf(index),
  }));
  expect(seats).toEqual([...gridPlan(size).seats()]);
});
