import { expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { RecentEvents } from '../../src/venue/recent-events.ts';

const event = (seq: number, epoch = 'e') => ({ type: 'held', seat_id: 'A1', epoch, seq }) as SeatEvent;
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
const at = (seq: number, epoch = 'e') => ({ epoch, seq });

function recentOf(from: number, to: number, capacity = 10): RecentEvents {
  const recent = new RecentEvents(capacity);
  for (const each of events(from, to)) recent.add(each);
  return recent;
}
const seqs = (recent: RecentEvents, after: number, newest: number) =>
  recent.between(at(after), at(newest))?.map(({ event }) => event.seq);

test('[R340] returns the events after a position if all of them are stored', () => {
  const recent = recentOf(5, 8);
  expect(seqs(recent, 4, 8)).toEqual([5, 6, 7, 8]);
  expect(seqs(recent, 6, 7)).toEqual([7]);
  expect(seqs(recent, 8, 8)).toEqual([]);
  expect(seqs(recent, 3, 8), 'begins before').toBeUndefined();
  expect(seqs(recent, 6, 9), 'goes on after').toBeUndefined();
  expect(seqs(new RecentEvents(), 0, 1)).toBeUndefined();
  expect(recent.between(at(6, 'other'), at(8))).toBeUndefined();
  expect(recent.between(at(6, 'other'), at(8, 'other'))).toBeUndefined();
});

test('[R340] restarts after a gap, and in another epoch', () => {
  const recent = recentOf(1, 4);
  recent.add(event(6));
  expect(seqs(recent, 3, 6)).toBeUndefined();
  expect(seqs(recent, 5, 6)).toEqual([6]);
  recent.add(event(7, 'f'));
  expect(seqs(recent, 5, 7)).toBeUndefined();
});

test('[R340] [G10] the number of events is bounded', () => {
  const recent = recentOf(1, 1_000);
  expect(seqs(recent, 990, 1_000)).toHaveLength(10);
  expect(seqs(recent, 980, 1_000)).toBeUndefined();
});

test.each([
  ['before', 1, 4, 1, 8],
  ['overlapping before', 2, 6, 2, 8],
  ['overlapping after', 7, 11, 5, 11],
  ['around', 3, 10, 3, 10],
  ['inside', 6, 7, 5, 8],
  ['after a gap', 12, 14, 12, 14],
  ['too far before', 1, 2, 5, 8],
])('[R340] events read from the log are added, %s', (_, from, to, first, last) => {
  const recent = recentOf(5, 8, 100);
  recent.fill(events(from, to));
  const known = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  expect(seqs(recent, first - 1, last)).toEqual(known);
  expect(seqs(recent, first - 2, last)).toBeUndefined();
  expect(seqs(recent, last - 1, last + 1)).toBeUndefined();
});

test('[R340] an event is serialised once, in the format of the log', () => {
  const recent = new RecentEvents();
  let reads = 0;
  recent.add({
    ...event(1),
    system: 'ours',
    get user_id() {
      reads++;
      return 'ann';
    },
  } as SeatEvent);
  const [one] = recent.between(at(0), at(1)) ?? [];
  reads = 0;
  expect([one?.json, one?.json].map((json) => JSON.parse(json ?? ''))).toEqual(
    new Array(2).fill({ ...event(1), user_id: 'ann' }),
  );
  expect(reads).toBe(1);
});
