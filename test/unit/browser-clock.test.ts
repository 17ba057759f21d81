import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { msUntilNextSecond, ServerClock, secondsLeft } from '../../src/browser/server-clock.ts';
import { held, serverTime, startBooking, venueState } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('[R96] counts on the clock of the server, by time that passes here', () => {
  let nowMs = 123_456;
  const clock = new ServerClock(() => nowMs);
  clock.set(serverTime);
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
  nowMs += 12_345;
  expect(clock.msUntil(serverTime + 30)).toBe(17_655);
  clock.set(serverTime + 20);
  expect(clock.msUntil(serverTime + 30)).toBe(10_000);
  clock.set(serverTime - 20);
  expect(clock.msUntil(serverTime + 30)).toBe(50_000);
});

test('[R96] what the server is known to show puts the clock forward, never back', () => {
  const clock = new ServerClock(() => 1_000);
  clock.set(serverTime);
  clock.atLeast(serverTime - 60);
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
  clock.atLeast(serverTime + 10);
  expect(clock.msUntil(serverTime + 30)).toBe(20_000);
});

test.each([
  [30_000, 30, 1_000],
  [29_999, 30, 999],
  [29_001, 30, 1],
  [29_000, 29, 1_000],
  [1, 1, 1],
  [0, 0, undefined],
  [-5_000, 0, undefined],
])('[R96] of %i ms left %i s are shown, for %s ms', (remainingMs, shown, forMs) => {
  expect(secondsLeft(remainingMs)).toBe(shown);
  expect(msUntilNextSecond(remainingMs)).toBe(forMs);
});

test('[R96] a wall clock that is wrong, or jumps, changes nothing', () => {
  const clock = new ServerClock(() => 1_000);
  clock.set(serverTime);
  vi.setSystemTime(4_000_000_000_000);
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
});

test('[R96] after a sleep in which the monotonic clock stood still, any new hold puts it right', () => {
  const { update, clock } = startBooking();
  update(held('A2', 1, 'bob', serverTime + 600 + 30));
  expect(clock.msUntil(serverTime + 600)).toBe(0);
});

test('[R96] a hold from when holds were longer does not put the clock forward', () => {
  const { receive, clock } = startBooking();
  receive({ type: 'VENUE_STATE', data: venueState({ seq: 1 }, held('A2', 1, 'bob', serverTime + 590)) });
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
});

test('[R96] a countdown that is drawn when due shows every second once', () => {
  const shown: number[] = [];
  let remainingMs = 3_456.7;
  for (let next = msUntilNextSecond(remainingMs); next !== undefined; next = msUntilNextSecond(remainingMs)) {
    shown.push(secondsLeft(remainingMs));
    remainingMs = Number((remainingMs - next).toFixed(3));
  }
  expect([...shown, secondsLeft(remainingMs)]).toEqual([4, 3, 2, 1, 0]);
});
