import { expect, test } from 'vitest';
import { ReplayTime } from '../../src/inspect-page/replay-time.ts';

/** Transitions at these milliseconds of a sale. */
function timeOf(...transitionsMs: number[]) {
  const time = new ReplayTime({
    length: transitionsMs.length,
    atMs: (moment) => transitionsMs[Math.max(0, moment - 1)] ?? 0,
  });
  time.moveTo(1);
  return time;
}

test.each([0.25, 1, 10, 100])('[R426] at %s times the speed, a second of the sale takes as long', (speed) => {
  const time = timeOf(5_000, 6_000, 7_000);
  time.advance(1_000 / speed - 1, speed);
  expect(time.moment).toBe(1);
  time.advance(1, speed);
  expect([time.moment, time.nowMs]).toEqual([2, 6_000]);
});

test('[R426] fast, one frame passes many transitions; it ends at the last', () => {
  const time = timeOf(0, 100, 200, 300);
  time.advance(2, 100);
  expect([time.moment, time.isAtEnd]).toEqual([3, false]);
  time.advance(16, 100);
  expect([time.moment, time.isAtEnd]).toEqual([4, true]);
});

test.each([0.25, 1, 100])('[R426] at %s times the speed, a quiet hour is shortened to three seconds', (speed) => {
  const time = timeOf(0, 3_600_000, 3_600_001);
  time.advance(1, speed);
  time.advance(2_998, speed);
  expect(time.moment).toBe(1);
  time.advance(3, speed);
  expect(time.moment).toBeGreaterThan(1);
});
