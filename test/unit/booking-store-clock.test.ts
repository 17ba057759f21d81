import { afterEach, describe, expect, test, vi } from 'vitest';
import { StoreClock } from '../../src/venue/store-clock.ts';

const storeStartMs = 1_700_000_000_000;

/** A monotonic clock that the test controls, and a store with its own time. */
function clocks() {
  let monotonicMs = 5_000;
  const clock = new StoreClock({ nowMs: () => monotonicMs });
  let storeStepMs = 0;
  const storeNowMs = () => storeStartMs + monotonicMs + storeStepMs;
  return {
    clock,
    storeNowMs,
    pass: (ms: number) => {
      monotonicMs += ms;
    },
    /** The store sends its time, which arrives with a delay. */
    synchronise: (latencyMs: number, delayAtMostMs?: number) => {
      const sentMs = storeNowMs();
      monotonicMs += latencyMs;
      clock.synchronise(sentMs, delayAtMostMs);
    },
    step: (ms: number) => {
      storeStepMs += ms;
    },
  };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('[R23] the clock of the store', () => {
  test("before the first reply the host's time is the best estimate", () => {
    vi.useFakeTimers({ now: 1_234_567 });
    expect(new StoreClock().nowMs()).toBe(1_234_567);
  });

  test("continues from the store's time", () => {
    const { clock, synchronise, pass, storeNowMs } = clocks();
    synchronise(0);
    pass(1_234);
    expect(clock.nowMs()).toBe(storeNowMs());
  });

  test("a jump of the host's wall clock by an hour, in either direction, has no effect", () => {
    vi.useFakeTimers({ now: storeStartMs, toFake: ['Date'] });
    const { clock, synchronise, pass, storeNowMs } = clocks();
    synchronise(0);
    for (const jumpMs of [3_600_000, -7_200_000]) {
      vi.setSystemTime(Date.now() + jumpMs);
      pass(100);
      expect(clock.nowMs()).toBe(storeNowMs());
    }
  });

  test('uses the reply with the shortest delay', () => {
    const { clock, synchronise, storeNowMs } = clocks();
    synchronise(80);
    expect(clock.nowMs()).toBe(storeNowMs() - 80);
    synchronise(2);
    expect(clock.nowMs()).toBe(storeNowMs() - 2);
    synchronise(500);
    expect(clock.nowMs()).toBe(storeNowMs() - 2);
  });

  test('is never ahead of the store, for all latencies', () => {
    const { clock, synchronise, pass, storeNowMs } = clocks();
    for (let i = 0; i < 500; i++) {
      synchronise((i * 37) % 90);
      expect(clock.nowMs()).toBeLessThanOrEqual(storeNowMs());
      pass((i * 53) % 400);
    }
  });

  test.each([20_000, -20_000, 1_500, -1_500, 86_400_000, -86_400_000])(
    '[R270] a step of %i ms is adopted with the next reply, regardless of earlier ones',
    (stepMs) => {
      const { clock, synchronise, pass, step, storeNowMs } = clocks();
      for (let i = 0; i < 20; i++) {
        synchronise((i * 37) % 90);
        pass(500);
      }
      step(stepMs);
      synchronise(5);
      expect(clock.nowMs()).toBe(storeNowMs() - 5);
      pass(7_000);
      synchronise(2);
      expect(clock.nowMs()).toBe(storeNowMs() - 2);
    },
  );

  test('[R270] the measured duration of a call distinguishes a small step from a slow reply', () => {
    const { clock, synchronise, step, storeNowMs } = clocks();
    synchronise(2, 4);
    synchronise(700, 900);
    expect(clock.nowMs(), 'slow').toBe(storeNowMs() - 2);
    step(-400);
    synchronise(3, 5);
    expect(clock.nowMs(), 'a step').toBe(storeNowMs() - 3);
  });

  test('[R270] a time that was read while this process was suspended is not a step', () => {
    const { clock, synchronise, storeNowMs } = clocks();
    synchronise(2, 4);
    synchronise(3_000, 3_001);
    expect(clock.nowMs()).toBe(storeNowMs() - 2);
  });

  test('[R270] the effect of a long delayed heartbeat ends with the next one', () => {
    const { clock, synchronise, storeNowMs } = clocks();
    synchronise(2);
    synchronise(8_000);
    expect(clock.nowMs()).toBe(storeNowMs() - 8_000);
    synchronise(1);
    expect(clock.nowMs()).toBe(storeNowMs() - 1);
  });

  test('adopts a clock that was set back, within some windows', () => {
    let monotonicMs = 0;
    const clock = new StoreClock({ nowMs: () => monotonicMs });
    clock.synchronise(storeStartMs);
    for (; monotonicMs <= 20_000; monotonicMs += 500) clock.synchronise(storeStartMs - 60_000 + monotonicMs);
    expect(clock.nowMs()).toBe(storeStartMs - 60_000 + monotonicMs);
  });
});

describe('[R24] the remaining time of a hold', () => {
  test('ends in the first millisecond in which the lock is gone', () => {
    const { clock, synchronise, storeNowMs } = clocks();
    synchronise(0);
    const expiresAtMs = storeNowMs() + 30_000;
    expect(clock.remainingMs(expiresAtMs / 1000)).toBe(30_001);
  });

  test('is never negative, and zero without a hold', () => {
    const { clock, synchronise, storeNowMs } = clocks();
    synchronise(0);
    expect(clock.remainingMs((storeNowMs() - 60_000) / 1000)).toBe(0);
    expect(clock.remainingMs(undefined)).toBe(0);
  });

  test('is a whole number and not too short', () => {
    const { clock, synchronise, pass, storeNowMs } = clocks();
    synchronise(0);
    const expiresAtMs = storeNowMs() + 1_000;
    pass(0.4);
    const remainingMs = clock.remainingMs(expiresAtMs / 1000);
    expect(Number.isInteger(remainingMs)).toBe(true);
    pass(remainingMs);
    expect(storeNowMs()).toBeGreaterThan(expiresAtMs);
  });
});
