import { describe, expect, test } from 'vitest';
import { FlushPace } from '../../src/edge/flush-pace.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function setUp(costMs = 0) {
  const clock = new VirtualClock();
  const flushedAtMs: number[] = [];
  const flush = () => {
    flushedAtMs.push(clock.nowMs());
    clock.increment(costMs);
  };
  const pace = new FlushPace({ flush, clock });
  /** Something changes every `everyMs` for a time. */
  const change = (everyMs: number, forMs: number) => {
    for (const endMs = clock.nowMs() + forMs; clock.nowMs() < endMs; clock.increment(everyMs)) pace.plan();
  };
  const gapsMs = () => flushedAtMs.slice(1).map((atMs, i) => atMs - (flushedAtMs[i] as number));
  return { clock, pace, flushedAtMs, change, gapsMs };
}

test('[R800] in a quiet show each change is sent at once, even if some are simultaneous', () => {
  const { clock, pace, flushedAtMs, change } = setUp();
  change(100, 10_000);
  expect(flushedAtMs).toHaveLength(100);
  const beforeMs = clock.nowMs();
  for (let n = 0; n < 8; n++) {
    pace.plan();
    clock.increment(1);
  }
  expect(flushedAtMs.slice(100)).toEqual(Array.from({ length: 8 }, (_, n) => beforeMs + n));
});

test('[R800] in a busy show changes are sent every 50 ms, and the last one too', () => {
  const { clock, pace, flushedAtMs, change, gapsMs } = setUp();
  change(1, 10_000);
  expect(flushedAtMs.length).toBeGreaterThan(200);
  expect(flushedAtMs.length).toBeLessThanOrEqual(208);
  expect(
    gapsMs()
      .slice(10)
      .every((gapMs) => gapMs === 50),
  ).toBe(true);
  pace.plan();
  clock.increment(100);
  expect(clock.nowMs() - (flushedAtMs.at(-1) as number)).toBeLessThanOrEqual(100);
});

test.each([
  { costMs: 10, intervalMs: 50 },
  { costMs: 40, intervalMs: 80 },
  { costMs: 70, intervalMs: 100 },
  { costMs: 160, intervalMs: 200 },
])('[R800] a flush that costs $costMs ms comes every $intervalMs ms', ({ costMs, intervalMs }) => {
  const { change, gapsMs } = setUp(costMs);
  change(1, 20_000);
  for (const gapMs of gapsMs().slice(-20)) {
    expect(gapMs).toBeGreaterThanOrEqual(intervalMs - 1);
    expect(gapMs).toBeLessThanOrEqual(intervalMs + 2);
  }
});

test('[R800] the pace is forgotten when the show is quiet again', () => {
  const { clock, pace, flushedAtMs, change } = setUp();
  change(1, 1_000);
  clock.increment(1_000);
  pace.plan();
  expect(flushedAtMs.at(-1)).toBe(clock.nowMs());
});

describe('[R1086] while a crowd of clients arrives', () => {
  /** Something changes every ms; clients arrive too. */
  function crowd({ costMs, perSecond, forMs }: { costMs: number; perSecond: number; forMs: number }) {
    const set = setUp(costMs);
    const { clock, pace } = set;
    let arrived = 0;
    for (const startMs = clock.nowMs(); clock.nowMs() < startMs + forMs; clock.increment(1)) {
      for (; arrived < ((clock.nowMs() - startMs) * perSecond) / 1_000; arrived++) pace.arrived();
      pace.plan();
    }
    return set;
  }

  test.each([
    { costMs: 1, perSecond: 1_000, intervalMs: 50 },
    { costMs: 30, perSecond: 1_000, intervalMs: 240 },
    { costMs: 80, perSecond: 1_000, intervalMs: 500 },
    { costMs: 80, perSecond: 50, intervalMs: 100 },
  ])('of $perSecond per second, a flush of $costMs ms comes every $intervalMs ms', ({ intervalMs, ...of }) => {
    const { gapsMs } = crowd({ ...of, forMs: 20_000 });
    const newest = gapsMs().slice(-20);
    expect(newest).toHaveLength(20);
    for (const gapMs of newest) {
      expect(gapMs).toBeGreaterThanOrEqual(intervalMs - 1);
      expect(gapMs).toBeLessThanOrEqual(intervalMs + 2);
    }
  });

  test('no flushes come in succession, and the pace is the usual one as soon as the crowd is there', () => {
    const { change, gapsMs, flushedAtMs } = crowd({ costMs: 40, perSecond: 1_000, forMs: 10_000 });
    const crowded = flushedAtMs.length;
    expect(
      gapsMs()
        .slice(2)
        .every((gapMs) => gapMs > 100),
    ).toBe(true);
    change(1, 5_000);
    const after = gapsMs().slice(crowded + 1);
    expect(after.length).toBeGreaterThan(50);
    expect(Math.max(...after)).toBeLessThanOrEqual(82);
    for (const gapMs of after.slice(20)) expect(gapMs).toBeGreaterThanOrEqual(79);
  });

  test('a crowd that came while nothing changed delays no change', () => {
    const { clock, pace, flushedAtMs, change } = setUp(40);
    change(100, 10_000);
    for (let n = 0; n < 5_000; n++, clock.increment(1)) pace.arrived();
    clock.increment(1_000);
    const fromMs = clock.nowMs();
    const before = flushedAtMs.length;
    change(100, 800);
    expect(flushedAtMs.slice(before).map((atMs) => atMs - fromMs)).toEqual([0, 140, 280, 420, 560, 700]);
  });
});
