import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Follower } from '../../src/inspect-page/follower.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function startFollower() {
  const shown: string[] = [];
  const follower = new Follower(({ machine, classes }) => shown.push([machine, ...classes].join(' ')));
  return { follower, shown, offer: (machine: string, ...classes: string[]) => follower.offer({ machine, classes }) };
}

test('[R422] follows only on request', () => {
  const { follower, shown, offer } = startFollower();
  offer('seat-A1');
  follower.turn(true);
  offer('seat-A2');
  follower.turn(false);
  offer('seat-A3');
  vi.advanceTimersByTime(10_000);
  expect(shown).toEqual(['seat-A2']);
});

test('[R422] each machine stays for 0.7 s; of the transitions in between, the latest is shown next', () => {
  const { follower, shown, offer } = startFollower();
  follower.turn(true);
  for (const id of ['seat-A1', 'seat-A2', 'seat-A3']) offer(id);
  vi.advanceTimersByTime(699);
  expect(shown).toEqual(['seat-A1']);
  vi.advanceTimersByTime(1);
  expect(shown).toEqual(['seat-A1', 'seat-A3']);
  offer('seat-A4');
  vi.advanceTimersByTime(700);
  expect(shown).toEqual(['seat-A1', 'seat-A3', 'seat-A4']);
});

test('[R422] a further transition of the shown machine appears at once', () => {
  const { follower, shown, offer } = startFollower();
  follower.turn(true);
  offer('seat-A1', 'held');
  offer('seat-A1', 'booked');
  expect(shown).toEqual(['seat-A1 held', 'seat-A1 booked']);
});

test('[R422] turned off and on, it does not show what happened before', () => {
  const { follower, shown, offer } = startFollower();
  follower.turn(true);
  offer('seat-A1');
  offer('seat-A2');
  follower.turn(false);
  follower.turn(true);
  vi.advanceTimersByTime(10_000);
  expect(shown).toEqual(['seat-A1']);
});
