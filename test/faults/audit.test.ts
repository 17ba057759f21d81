import { describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { event, freeSeat, holdMs, seatOf, startMs, user } from '../bench/audit-fixture.ts';
import { audit, type Verdict } from './audit.ts';
import type { Operation } from './load.ts';

/** Each check of the audit of faults fails on one false history. No server is needed. */

const held = event(1, 'held', 'ann');
const booked = event(2, 'booked', 'ann');

function operation(
  action: Operation['action'],
  by: string,
  seq: number,
  outcome: Operation['outcome'],
  change: Partial<Operation> = {},
): Operation {
  const atMs = startMs + seq * 10;
  return {
    clientId: by,
    userId: user(by),
    seatIds: ['A1'],
    action,
    invokedAtMs: atMs - 5,
    returnedAtMs: atMs + 4,
    outcome,
    ...change,
  };
}

const select = operation('select', 'ann', 1, { seats: [seatOf(held)] });
const book = operation('book', 'ann', 2, { seats: [seatOf(booked)] });

/** Of one epoch. Default: an honest history, and in Redis the seats of its log. */
function verdictOf(change: { operations?: Operation[]; events?: SeatEvent[]; seat?: Seat }): Verdict {
  const { operations = [select, book], events = [held, booked] } = change;
  const { seat = seatOf(events.at(-1) as SeatEvent) } = change;
  const eras = [{ initial: new Map([['A1', freeSeat]]), events }];
  return audit({ operations, eras, seats: new Map([['A1', seat]]), holdMs });
}

test('[R432] an honest history has no violations', () => {
  expect(verdictOf({})).toMatchObject({ violations: [], confirmed: 1, lost: 0, doubleSold: 0, notLinearizable: 0 });
});

test('[R432] a command without a reply may have been executed', () => {
  const unknown = operation('select', 'ann', 1, 'unknown', { returnedAtMs: undefined });
  expect(verdictOf({ operations: [unknown, book] }).violations).toEqual([]);
});

test.each([
  ['a confirmed booking that the log lacks', { events: [held] }, { lost: 1 }],
  [
    'a booking that was confirmed to two users',
    {
      operations: [select, book, operation('book', 'bob', 3, { seats: [{ ...seatOf(booked), held_by: user('bob') }] })],
    },
    { doubleSold: 1 },
  ],
  [
    'replies that no order explains',
    { operations: [select, book, operation('select', 'bob', 4, { refusal: 'SEAT_HELD', seats: [seatOf(held)] })] },
    { notLinearizable: 1 },
  ],
])('[R432] %s is counted', (_name, change, counts) => {
  const verdict = verdictOf(change);
  expect(verdict).toMatchObject(counts);
  expect(verdict.violations.length).toBeGreaterThan(0);
});

test.each([
  ['Redis that differs from the log', { seat: seatOf(held) }, 'Redis has'],
  ['a log that breaks a rule', { events: [held, event(2, 'booked', 'bob')] }, '[G1]'],
  ['a log with a gap', { events: [held, { ...booked, seq: 3 }] }, '[R30]'],
  ['a hold of another length', { events: [{ ...held, expires_at: (startMs + 99_000) / 1000 }] }, '[G3]'],
  ['an event that nobody requested', { operations: [book] }, 'no request explains'],
  [
    'an event whose request was answered long before',
    { operations: [operation('select', 'ann', -100, { seats: [seatOf(held)] }), book] },
    'no request explains',
  ],
  [
    'an event whose request was refused',
    { operations: [operation('select', 'ann', 1, { refusal: 'SEAT_HELD', seats: [seatOf(held)] }), book] },
    'no request explains',
  ],
  [
    'a reply with a seat that never existed',
    { operations: [select, book, operation('read', 'bob', 2, { seats: [{ ...seatOf(held), held_by: user('eve') }] })] },
    'the log has',
  ],
])('[R432] %s is a violation', (_name, change, words) => {
  expect(verdictOf(change).violations.join('\n')).toContain(words);
});

describe('[R475] groups', () => {
  const ofA2 = { seat_id: 'A2', timestamp: held.timestamp, expires_at: (startMs + 10 + holdMs) / 1000 };
  const together = [held, event(2, 'held', 'ann', ofA2)];
  const seats = together.map((each) => ({ ...seatOf(each), id: each.seat_id }));
  const selectBoth = operation('select', 'ann', 1, { seats }, { seatIds: ['A1', 'A2'] });
  const initial = new Map(['A1', 'A2'].map((id) => [id, { ...freeSeat, id }]));

  function verdictOfGroup(operations: Operation[], events: SeatEvent[]): Verdict {
    const last = new Map(events.map((each) => [each.seat_id, { ...seatOf(each), id: each.seat_id }]));
    return audit({ operations, eras: [{ initial, events }], seats: new Map([...initial, ...last]), holdMs });
  }

  test('that are held, booked or refused as a whole have no violations', () => {
    const at = { timestamp: new Date(startMs + 30).toISOString() };
    const both = ['A1', 'A2'].map((seat_id, i) => event(3 + i, 'booked', 'ann', { seat_id, ...at }));
    const bookedSeats = both.map((each) => ({ ...seatOf(each), id: each.seat_id }));
    const bookBoth = operation('book', 'ann', 3, { seats: bookedSeats }, { seatIds: ['A1', 'A2'] });
    const refused = operation(
      'select',
      'bob',
      5,
      { refusal: 'SEATS_TAKEN', seats: bookedSeats },
      { seatIds: ['A1', 'A2'] },
    );
    const verdict = verdictOfGroup([selectBoth, bookBoth, refused], [...together, ...both]);
    expect(verdict).toMatchObject({ violations: [], groups: 2, confirmed: 2, lost: 0 });
    expect(verdictOfGroup([{ ...selectBoth, outcome: 'unknown' }], together).violations).toEqual([]);
  });

  test.each([
    [
      'that are half done without a reply',
      [{ ...selectBoth, outcome: 'unknown' as const }],
      [held],
      'no request explains',
    ],
    [
      'that are half confirmed',
      [{ ...selectBoth, outcome: { seats: seats.slice(0, 1) } }],
      together,
      'no moment explains',
    ],
    [
      'with two ends',
      [{ ...selectBoth, outcome: 'unknown' as const }],
      [held, event(2, 'held', 'ann', { seat_id: 'A2' })],
      'no request explains',
    ],
    [
      'that were refused for a seat that is free',
      [operation('select', 'bob', 1, { refusal: 'SEATS_TAKEN', seats: [freeSeat] }, { seatIds: ['A1', 'A2'] })],
      [],
      'no moment explains',
    ],
  ])('%s are violations', (_name, operations, events, words) => {
    expect(verdictOfGroup(operations, events).violations.join('\n')).toContain(words);
  });
});

test('[R432] after a loss of data, a reply may belong to either epoch only while the loss lasted', () => {
  const eras = [
    { initial: new Map([['A1', freeSeat]]), events: [held] },
    { initial: new Map([['A1', freeSeat]]), events: [] },
  ];
  const seats = new Map([['A1', freeSeat]]);
  const base = { operations: [select], eras, seats, holdMs };
  const lossAt = (ms: number) => [{ fromMs: startMs + ms, toMs: startMs + ms + 2 }];
  expect(audit({ ...base, boundaries: lossAt(100) }).violations).toEqual([]);
  expect(audit({ ...base, boundaries: lossAt(9) }).violations).toEqual([]);
  expect(audit({ ...base, boundaries: lossAt(-100) }).violations.join('\n')).toContain('the log has');
});
