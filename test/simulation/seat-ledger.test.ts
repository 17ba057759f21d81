import { expect, test } from 'vitest';
import { event, freeSeat, holdMs, seatOf, startMs, user } from '../bench/audit-fixture.ts';
import { SeatLedger } from './seat-ledger.ts';
import { World } from './world.ts';

/** Each check of the ledger fails on one false commit; test/simulation/controls.test.ts has whole systems that fail. */

const held = event(1, 'held', 'ann');
const snapshot = {
  system: 's',
  epoch: 'e',
  seq: 0,
  nowMs: startMs,
  seats: [freeSeat, { ...freeSeat, id: 'A2', col: 1 }],
};

function opened() {
  const world = new World(1, { traced: false });
  const ledger = new SeatLedger(world, { rows: 1, cols: 2, holdTtlMs: holdMs, maxHoldsPerUser: 1, maxExtensions: 1 });
  ledger.opened(snapshot);
  const commit = (...events: (typeof held)[]) => {
    for (const each of events) ledger.commit(each, Date.parse(each.timestamp));
    return world.violation?.rule;
  };
  return { world, ledger, commit };
}

test('[R433] the ledger accepts events that follow the rules, and keeps each state of a seat with its event', () => {
  const { ledger, commit } = opened();
  expect(commit(held, event(2, 'booked', 'ann'))).toBeUndefined();
  expect(ledger.versionsOf(seatOf(held))).toEqual([{ seat: seatOf(held), event: held }]);
  expect(ledger.versionsOf({ ...seatOf(held), held_by: user('bob') })).toEqual([]);
});

test.each([
  ['a seat that two users hold', [held, event(2, 'held', 'bob')], 'G1'],
  [
    'a booking after the end',
    [held, event(2, 'booked', 'ann', { timestamp: new Date(startMs + 60_000).toISOString() })],
    'G3',
  ],
  ['a gap', [{ ...held, seq: 2 }], 'R30'],
  ['another epoch', [{ ...held, epoch: 'f' }], 'R30'],
  [
    'more extensions than allowed',
    [held, event(2, 'held', 'ann', { reason: 'extended' }), event(3, 'held', 'ann', { reason: 'extended' })],
    'R395',
  ],
  ['an extension of a free seat', [event(1, 'held', 'ann', { reason: 'extended' })], 'G1'],
  ['more holds than allowed', [held, event(2, 'held', 'ann', { seat_id: 'A2' })], 'R35'],
])('[R433] the ledger catches %s', (_name, events, rule) => {
  expect(opened().commit(...events)).toBe(rule);
});

test('[R433] the ledger catches a snapshot that is not its log, and a position that exists twice', () => {
  const changed = opened();
  changed.ledger.opened({ ...snapshot, seats: [seatOf(held), ...snapshot.seats.slice(1)] });
  expect(changed.world.violation?.rule).toBe('R30');

  const twice = opened();
  const restore = twice.ledger.backup();
  twice.commit(held);
  restore();
  expect(twice.commit(event(1, 'held', 'bob'))).toBe('R11');
});
