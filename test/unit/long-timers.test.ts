import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { SessionChecks } from '../../src/edge/session-checks.ts';
import { SessionWatch } from '../../src/edge/session-watch.ts';
import { hostClock } from '../../src/process/clock.ts';
import { silent } from '../support/silent.ts';

const dayMs = 86_400_000;

/** A file of its own: a timer of another test that fires again and again would take a month of it. */
describe('[R283] a timer longer than 2^31 − 1 ms', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('does not fire immediately', () => {
    const fired = vi.fn();
    for (const delayMs of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) hostClock.setTimeout(fired, delayMs);
    vi.advanceTimersByTime(24 * dayMs);
    expect(fired).not.toHaveBeenCalled();
  });

  test('does not loop for a session of a year', async () => {
    const sessions = vi.fn(async () => [{ user_id: 'u_alice', expires_at: 0, expires_in: 8_760 * 3_600 }]);
    const checks = new SessionChecks({ booking: { sessions }, minIntervalMs: 5_000 });
    const watch = new SessionWatch({ checks, logger: silent, retryMs: 10_000, onEnded: () => {} });
    onTestFinished(() => watch.close());
    watch.follow('token');
    await vi.advanceTimersByTimeAsync(30 * dayMs);
    expect(sessions).toHaveBeenCalledTimes(1);
  });
});
