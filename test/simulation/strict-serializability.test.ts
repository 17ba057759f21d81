import { expect, test } from 'vitest';
import { seatAfter } from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { event, freeSeat, holdMs, startMs, user } from '../bench/audit-fixture.ts';
import type { Operation, Outcome } from './operation.ts';
import { findUnexplained } from './strict-serializability.ts';

/** Each check once true and once false. The event `seq` is committed at `seq * 10` ms, those of a group with its first. */

const initial = new Map(['A1', 'A2', 'A3'].map((id, col) => [id, { ...freeSeat, id, col }]));
const free = (id: string) => initial.get(id) as Seat;

/** The events of one command. */
function change(seq: number, type: SeatEvent['type'], by: string, ids: string[], more: Partial<SeatEvent> = {}) {
  const atMs = startMs + seq * 10;
  const same = {
    timestamp: new Date(atMs).toISOString(),
    ...(type === 'held' && { expires_at: (atMs + holdMs) / 1000 }),
  };
  return ids.map((seat_id, i) => event(seq + i, type, by, { seat_id, ...same, ...more }));
}

const seatsOf = (...events: SeatEvent[]): Seat[] => events.map((each) => seatAfter(free(each.seat_id), each));

function operation(
  [invokedAtMs, returnedAtMs]: [number, number],
  action: Operation['action'],
  by: string,
  seats: string,
  outcome: Outcome | 'unknown',
): Operation {
  const [clientId, userId] = [by, user(by)];
  return { clientId, userId, action, seatIds: seats.split(' '), invokedAtMs, returnedAtMs, outcome };
}

function unexplained(operations: Operation[], events: SeatEvent[], options = {}): string {
  const commits = events.map((each) => ({ event: each, atMs: Date.parse(each.timestamp) - startMs }));
  return findUnexplained(operations, { initial, commits }, options).join('\n');
}

const held = change(1, 'held', 'ann', ['A1', 'A2']);
const [a1, a2] = held as [SeatEvent, SeatEvent];
const hold = operation([5, 15], 'select', 'ann', 'A1 A2', { seats: seatsOf(...held) });
const booked = change(3, 'booked', 'ann', ['A1', 'A2']);
const book = operation([25, 35], 'book', 'ann', 'A1 A2', { seats: seatsOf(...booked) });

test.each<[string, Operation[], SeatEvent[]]>([
  [
    'groups one after the other, and reads between them',
    [hold, operation([16, 20], 'read', 'bob', 'A2', { seats: seatsOf(a2) }), book],
    [...held, ...booked],
  ],
  [
    'a refusal of a group by one of its seats',
    [hold, operation([16, 20], 'select', 'bob', 'A3 A2', { refusal: 'SEATS_TAKEN', seats: seatsOf(a2) })],
    held,
  ],
  [
    'a refusal because of a limit, and a hold that adds a seat',
    [
      hold,
      operation([16, 20], 'select', 'ann', 'A1 A3', { refusal: 'HOLD_LIMIT', seats: [free('A3')] }),
      operation([25, 35], 'select', 'ann', 'A2 A3', { seats: seatsOf(a2, ...change(3, 'held', 'ann', ['A3'])) }),
    ],
    [...held, ...change(3, 'held', 'ann', ['A3'])],
  ],
  ['a group that was repeated without effect', [hold, { ...hold, invokedAtMs: 16, returnedAtMs: 20 }], held],
  [
    'a group without a reply that was executed late',
    [operation([5, 15], 'release', 'ann', 'A1 A2', 'unknown'), hold],
    [...held, ...change(9, 'released', 'ann', ['A1', 'A2']).map((each, i) => ({ ...each, seq: 3 + i }))],
  ],
  [
    'two groups without a reply that overlap, where only one order is possible',
    [
      hold,
      operation([5, 15], 'release', 'ann', 'A1 A2', 'unknown'),
      operation([5, 15], 'release', 'ann', 'A1', 'unknown'),
      operation([5, 15], 'release', 'ann', 'A2', 'unknown'),
    ],
    [...held, ...change(3, 'released', 'ann', ['A1']), ...change(4, 'released', 'ann', ['A2'])],
  ],
  [
    'a refusal between a hold of one seat and a group that adds one, both of the same user and time',
    [
      operation([5, 15], 'select', 'ann', 'A1', { seats: seatsOf(a1) }),
      operation([5, 15], 'select', 'bob', 'A1 A2', { refusal: 'SEATS_TAKEN', seats: seatsOf(a1) }),
      hold,
    ],
    held,
  ],
  [
    'an extension of a group',
    [
      hold,
      operation([25, 35], 'extend', 'ann', 'A1 A2', {
        seats: seatsOf(...change(3, 'held', 'ann', ['A1', 'A2'], { reason: 'extended' })),
      }),
    ],
    [...held, ...change(3, 'held', 'ann', ['A1', 'A2'], { reason: 'extended' })],
  ],
])('[R471] one order explains %s', (_name, operations, events) => {
  expect(unexplained(operations, events)).toBe('');
});

test.each<[string, Operation[], SeatEvent[], string]>([
  [
    'half of a group that was refused',
    [
      operation([5, 15], 'select', 'bob', 'A1', { seats: seatsOf(event(1, 'held', 'bob')) }),
      operation([16, 30], 'select', 'ann', 'A2 A1', {
        refusal: 'SEATS_TAKEN',
        seats: seatsOf(event(1, 'held', 'bob')),
      }),
    ],
    [event(1, 'held', 'bob'), ...change(2, 'held', 'ann', ['A2'])],
    'no request explains',
  ],
  [
    'half of a group without a reply',
    [operation([5, 15], 'select', 'ann', 'A1 A2', 'unknown')],
    [a1],
    'no request explains',
  ],
  [
    'a group with an event of another user in it',
    [operation([5, 40], 'select', 'ann', 'A1 A2', 'unknown'), operation([5, 40], 'select', 'bob', 'A3', 'unknown')],
    [a1, ...change(2, 'held', 'bob', ['A3']), { ...a2, seq: 3 }],
    'no request explains',
  ],
  [
    'a group whose seats have two ends',
    [operation([5, 40], 'select', 'ann', 'A1 A2', 'unknown')],
    [a1, { ...a2, expires_at: (a2.expires_at ?? 0) + 1 }],
    'no request explains',
  ],
  [
    'a group whose seats change at two times',
    [operation([5, 40], 'book', 'ann', 'A1 A2', 'unknown'), hold],
    [...held, ...change(3, 'booked', 'ann', ['A1']), ...change(4, 'booked', 'ann', ['A2'])],
    'no request explains',
  ],
  ['a reply that confirms half of a group', [{ ...hold, outcome: { seats: seatsOf(a1) } }], held, 'no moment explains'],
  [
    'a reply that confirms a seat that was never held',
    [{ ...hold, outcome: { seats: [...seatsOf(a1), free('A2')] } }],
    held,
    'no moment explains',
  ],
  [
    'two overlapping groups that both win',
    [
      hold,
      operation([16, 30], 'select', 'bob', 'A2 A3', { seats: seatsOf(...change(3, 'held', 'bob', ['A2', 'A3'])) }),
    ],
    [...held, ...change(3, 'held', 'bob', ['A2', 'A3'])],
    'no request explains',
  ],
  [
    'a refusal that no seat requires',
    [operation([5, 15], 'select', 'bob', 'A1 A2', { refusal: 'SEATS_TAKEN', seats: [free('A1')] })],
    [],
    'no moment explains',
  ],
  [
    'a refusal that names one seat of two',
    [hold, operation([16, 20], 'select', 'bob', 'A1 A2', { refusal: 'SEATS_TAKEN', seats: seatsOf(a1) })],
    held,
    'no moment explains',
  ],
  [
    'a refusal with the code of a single seat',
    [hold, operation([16, 20], 'select', 'bob', 'A3 A2', { refusal: 'SEAT_HELD', seats: seatsOf(a2) })],
    held,
    'no moment explains',
  ],
  [
    'a reply that is older than its request',
    [hold, operation([16, 20], 'read', 'bob', 'A1', { seats: [free('A1')] })],
    held,
    'no moment explains',
  ],
  [
    'a reply from the future',
    [hold, operation([1, 4], 'read', 'bob', 'A1', { seats: seatsOf(a1) })],
    held,
    'no moment explains',
  ],
  [
    'a release that another one has done',
    [
      hold,
      operation([25, 35], 'release', 'ann', 'A1 A2', { seats: seatsOf(...change(3, 'released', 'ann', ['A1', 'A2'])) }),
      operation([36, 40], 'release', 'ann', 'A1 A2', { seats: seatsOf(...change(3, 'released', 'ann', ['A1', 'A2'])) }),
    ],
    [...held, ...change(3, 'released', 'ann', ['A1', 'A2'])],
    'no moment explains',
  ],
  [
    'a command that was executed before its request',
    [operation([25, 35], 'select', 'ann', 'A1 A2', { seats: seatsOf(...held) })],
    held,
    'no request explains',
  ],
])('[R471] no order explains %s', (_name, operations, events, words) => {
  expect(unexplained(operations, events)).toContain(words);
});

test('[R471] two seats in one reply are of one moment, even if each state existed', () => {
  const later = change(3, 'released', 'ann', ['A1']);
  const operations = [
    hold,
    operation([25, 35], 'release', 'ann', 'A1', { seats: seatsOf(...later) }),
    operation([20, 60], 'select', 'bob', 'A1 A2', { refusal: 'SEATS_TAKEN', seats: seatsOf(a1, a2) }),
  ];
  expect(unexplained(operations, [...held, ...later])).toBe('');
  const bookedLater = change(4, 'booked', 'ann', ['A2']);
  const mixed = [
    ...operations.slice(0, 2),
    operation([36, 45], 'book', 'ann', 'A2', { seats: seatsOf(...bookedLater) }),
    operation([20, 60], 'select', 'bob', 'A1 A2', { refusal: 'SEATS_TAKEN', seats: seatsOf(a1, ...bookedLater) }),
  ];
  expect(unexplained(mixed, [...held, ...later, ...bookedLater])).toContain('no moment explains');
});

test('[R471] a reply is not before one that was received earlier, however far the clocks are apart', () => {
  const operations = [
    hold,
    operation([16, 18], 'read', 'bob', 'A1', { seats: seatsOf(a1) }),
    operation([20, 22], 'read', 'eve', 'A2', { seats: [free('A2')] }),
  ];
  expect(unexplained(operations, held, { clockErrorMs: 1_000 })).toContain('no moment explains [20, 22] eve');
  expect(unexplained(operations.slice(0, 1), held, { clockErrorMs: 1_000 })).toBe('');
});
