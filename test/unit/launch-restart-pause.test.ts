import { expect, test } from 'vitest';
import { RestartPause } from '../../src/launch/restart-pause.ts';

/** Restarts of a service that ends each time after `runMs`. */
function ends(count: number, runMs: number, firstPauseMs = 1_000) {
  const pause = new RestartPause(firstPauseMs);
  let nowMs = 1_000_000;
  return Array.from({ length: count }, () => {
    pause.ready(nowMs);
    nowMs += runMs;
    const atMs = nowMs;
    const restart = pause.ended(nowMs);
    nowMs += restart.pauseMs;
    return { ...restart, atMs };
  });
}

test('[R302] a service is always restarted; the pause doubles from 1 s to 30 s', () => {
  const pauses = ends(500, 300).map(({ pauseMs }) => pauseMs);
  expect(pauses.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  expect(pauses.slice(5).every((pauseMs) => pauseMs === 30_000)).toBe(true);
});

test('[R405] RESTART_PAUSE_MS is the first pause; the longest is 30 times as long', () => {
  expect(ends(7, 300, 20).map(({ pauseMs }) => pauseMs)).toEqual([20, 40, 80, 160, 320, 600, 600]);
});

test('[R302] after a minute in a ready state the pause is 1 s again; a minute without a reply does not count', () => {
  expect(ends(5, 60_000).map(({ pauseMs }) => pauseMs)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
  const silent = new RestartPause(1_000);
  expect([0, 90_000, 180_000].map((nowMs) => silent.ended(nowMs).pauseMs)).toEqual([1_000, 2_000, 4_000]);
});

test('[R302] each growth of the pause is printed, then one end per minute', () => {
  const printed = ends(60, 300).filter(({ isToBePrinted }) => isToBePrinted);
  expect(printed.slice(0, 6).map(({ ends: count }) => count)).toEqual([1, 2, 3, 4, 5, 6]);
  const later = printed.slice(6);
  expect(later.length).toBeGreaterThan(10);
  for (const [index, { atMs }] of later.entries()) {
    expect(atMs - (printed[index + 5]?.atMs ?? 0)).toBeGreaterThanOrEqual(60_000);
  }
});
