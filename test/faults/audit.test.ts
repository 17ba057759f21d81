import { expect, test } from 'vitest';
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
    seatId: 'A1',
    action,
    invokedAtMs: atMs - 5,
    returnedAtMs: atMs + 4,
    outcome,
    ...change,
  };
}

const select = operation('select', 'ann', 1, { seat: seatOf(held) });
const book = operation('book', 'ann', 2, { seat: seatOf(booked) });

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
    'a booking that two users were confirmed',
    { operations: [select, book, operation('book', 'bob', 3, { seat: { ...seatOf(booked), held_by: user('bob') } })] },
    { doubleSold: 1 },
  ],
  [
    'replies that no order explains',
    { operations: [select, book, operation('select', 'bob', 4, { refusal: 'SEAT_HELD', seat: seatOf(held) })] },
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
    { operations: [operation('select', 'ann', -100, { seat: seatOf(held) }), book] },
    'no request explains',
  ],
  [
    'an event whose request was refused',
    { operations: [operation('select', 'ann', 1, { refusal: 'SEAT_HELD', seat: seatOf(held) }), book] },
    'no request explains',
  ],
  [
    'a reply with a seat that never existed',
    { operations: [select, book, operation('read', 'bob', 2, { seat: { ...seatOf(held), held_by: user('eve') } })] },
    'the log has',
  ],
])('[R432] %s is a violation', (_name, change, words) => {
  expect(verdictOf(change).violations.join('\n')).toContain(words);
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
