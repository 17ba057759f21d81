import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OthersEvents } from '../../src/browser/others-events.ts';
import { watchForSleep } from '../../src/browser/watch-for-sleep.ts';
import { listed, othersText } from '../../src/browser/wording.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('[R117] events of others are announced as a count, at most every 15 s, and only if there are any', () => {
  const announced: string[] = [];
  const events = new OthersEvents(
    (text) => announced.push(text),
    () => 42,
  );
  for (const status of [1, 1, 2, 0] as const) events.add(status);
  vi.advanceTimersByTime(14_999);
  expect(announced).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(announced).toEqual(['Others took 2 seats and freed 1. 42 are available.']);
  vi.advanceTimersByTime(60_000);
  expect(announced).toHaveLength(1);
  events.add(0);
  vi.advanceTimersByTime(15_000);
  expect(announced[1]).toBe('Others freed 1 seat. 42 are available.');
});

test.each([
  [1, 0, 1, 'Others took 1 seat. 1 is available.'],
  [2, 3, 0, 'Others took 2 seats and freed 3. 0 are available.'],
])('[R117] %i taken, %i freed, %i left', (taken, freed, available, text) => {
  expect(othersText(taken, freed, available)).toBe(text);
});

test('seats are listed as in a sentence', () => {
  expect([listed([]), listed(['A1']), listed(['A1', 'A2']), listed(['A1', 'A2', 'A3'])]).toEqual([
    '',
    'A1',
    'A1 and A2',
    'A1, A2 and A3',
  ]);
});

test('[R113] a second that takes much longer is a sleep; a busy one is not', () => {
  let wakes = 0;
  const stop = watchForSleep(() => wakes++);
  vi.advanceTimersByTime(10_000);
  expect(wakes).toBe(0);
  vi.setSystemTime(Date.now() + 3_000);
  vi.advanceTimersByTime(1_000);
  expect(wakes).toBe(0);
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(1_000);
  expect(wakes).toBe(1);
  stop();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(5_000);
  expect(wakes).toBe(1);
});
