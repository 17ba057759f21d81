import { describe, expect, test } from 'vitest';
import type { Seat } from '../../src/protocol/seat.ts';
import { type CheckOptions, checkSeatHistory, type SeatOperation } from './linearizability.ts';

const holdTtlMs = 1_000;
const free = (seq: number): Seat => ({ id: 'A1', row: 0, col: 0, status: 0, seq });
const heldBy = (userId: string, seq: number, expiresAtMs: number): Seat => ({
  ...free(seq),
  status: 1,
  held_by: userId,
  expires_at: expiresAtMs / 1_000,
});
const bookedBy = (userId: string, seq: number): Seat => ({ ...free(seq), status: 2, held_by: userId });

function operation(
  [invokedAtMs, returnedAtMs]: [number, number],
  action: SeatOperation['action'],
  userId: string,
  outcome: SeatOperation['outcome'],
): SeatOperation {
  return { clientId: userId, action, userId, invokedAtMs, returnedAtMs, outcome };
}

const isLinearizable = (operations: SeatOperation[], options: CheckOptions = {}) =>
  checkSeatHistory(operations, { holdTtlMs, ...options }).ok;

describe('[G4] the checker of linearizability accepts', () => {
  test('operations one after the other', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([20, 30], 'select', 'bob', { refusal: 'SEAT_HELD', seat: heldBy('alice', 1, 1_005) }),
      operation([40, 50], 'book', 'alice', { seat: bookedBy('alice', 2) }),
      operation([60, 70], 'read', '', { seat: bookedBy('alice', 2) }),
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  test('two concurrent operations, in the order of their replies', () => {
    const history = [
      operation([0, 50], 'select', 'alice', { refusal: 'SEAT_HELD', seat: heldBy('bob', 1, 1_030) }),
      operation([10, 40], 'select', 'bob', { seat: heldBy('bob', 1, 1_030) }),
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  test('a hold that expired, with and without a command after it', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([1_050, 1_060], 'read', '', { seat: heldBy('alice', 1, 1_005) }),
      operation([1_070, 1_080], 'select', 'bob', { seat: heldBy('bob', 3, 2_075) }),
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  test('a command without a reply that was executed late, and one that never was', () => {
    const history = [
      operation([0, 10], 'select', 'alice', 'unknown'),
      operation([0, 10], 'select', 'carol', 'unknown'),
      operation([20, 30], 'read', '', { seat: free(0) }),
      operation([40, 50], 'select', 'bob', { refusal: 'SEAT_HELD', seat: heldBy('alice', 1, 1_035) }),
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  test('[R473] an extension, which begins a new end, and a refusal of one more', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([500, 510], 'extend', 'alice', { seat: heldBy('alice', 2, 1_505) }),
      operation([600, 610], 'extend', 'bob', { refusal: 'NOT_HOLDER', seat: heldBy('alice', 2, 1_505) }),
      operation([1_200, 1_210], 'extend', 'alice', { refusal: 'EXTENSION_LIMIT', seat: heldBy('alice', 2, 1_505) }),
      operation([1_400, 1_410], 'book', 'alice', { seat: bookedBy('alice', 3) }),
    ];
    expect(isLinearizable(history)).toBe(true);
    expect(isLinearizable(history.filter(({ action }) => action !== 'extend'))).toBe(false);
    const unknown = history.map((each) => (each.action === 'extend' ? { ...each, outcome: 'unknown' as const } : each));
    expect(isLinearizable(unknown)).toBe(true);
  });

  test('a history that begins with a held seat', () => {
    const history = [operation([0, 10], 'book', 'alice', { seat: bookedBy('alice', 8) })];
    expect(isLinearizable(history, { initial: heldBy('alice', 7, 500) })).toBe(true);
    expect(isLinearizable(history)).toBe(false);
  });
});

describe('[G4] the checker of linearizability refuses', () => {
  test('two holders', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([20, 30], 'select', 'bob', { seat: heldBy('bob', 2, 1_025) }),
    ];
    const checked = checkSeatHistory(history, { holdTtlMs });
    expect(checked.ok).toBe(false);
    expect(checked.ok ? '' : checked.explanation).toContain('select by bob');
  });

  test('two bookers, one of them without a reply', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([20, 30], 'book', 'alice', 'unknown'),
      operation([40, 50], 'read', '', { seat: bookedBy('alice', 2) }),
      operation([60, 70], 'select', 'bob', { seat: heldBy('bob', 3, 1_065) }),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test('a reply older than its request', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([20, 30], 'read', '', { seat: free(0) }),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test('a hold that ended early', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([900, 910], 'select', 'bob', { seat: heldBy('bob', 3, 1_905) }),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test('a hold that was used after its end', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([1_020, 1_030], 'book', 'alice', { seat: bookedBy('alice', 2) }),
    ];
    expect(isLinearizable(history)).toBe(false);
    expect(isLinearizable(history, { clockErrorMs: 20 })).toBe(true);
  });

  test('a hold that was extended by another command than an extension', () => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([500, 510], 'select', 'alice', { seat: heldBy('alice', 1, 1_505) }),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test.each([
    ['after its end', [1_020, 1_030], heldBy('alice', 2, 2_025)],
    ['without a new transition', [500, 510], heldBy('alice', 1, 1_505)],
    ['for longer than a hold lasts', [500, 510], heldBy('alice', 2, 2_505)],
    ['to the end that it had', [500, 510], heldBy('alice', 2, 1_005)],
  ] as const)('[R473] a hold that was extended %s', (_how, [fromMs, untilMs], seat) => {
    const history = [
      operation([0, 10], 'select', 'alice', { seat: heldBy('alice', 1, 1_005) }),
      operation([fromMs, untilMs], 'extend', 'alice', { seat }),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  test('a transition that nobody requested', () => {
    const history = [operation([0, 10], 'read', '', { seat: bookedBy('alice', 2) })];
    expect(isLinearizable(history)).toBe(false);
  });
});

test('[G4] the search grows with the history, not with the number of orders', () => {
  const operations: SeatOperation[] = [];
  for (let round = 0; round < 100; round++) {
    const atMs = round * 100;
    const [heldSeq, freeSeq] = [2 * round + 1, 2 * round + 2];
    const held = heldBy('user0', heldSeq, atMs + holdTtlMs + 20);
    operations.push(operation([atMs, atMs + 40], 'select', 'user0', { seat: held }));
    for (let i = 1; i < 9; i++) {
      operations.push(operation([atMs, atMs + 60], 'select', `user${i}`, { refusal: 'SEAT_HELD', seat: held }));
    }
    operations.push(operation([atMs + 65, atMs + 90], 'release', 'user0', { seat: free(freeSeq) }));
  }
  const { ok, steps } = checkSeatHistory(operations, { holdTtlMs });
  expect(ok).toBe(true);
  expect(steps).toBeLessThan(10 * operations.length);
});
