import { setTimeout as sleep } from 'node:timers/promises';
import { latencyHistogram, recordMs } from '../measure/recorder.ts';
import { type ArrivalPattern, arrivals } from './arrivals.ts';

export interface OpenLoopOptions {
  ratePerSecond: number;
  pattern: ArrivalPattern;
  durationS: number;
  signal: AbortSignal;
  /** Told when it was due (`performance.now()`): what came too late waited, and that counts. Must not throw. */
  send: (dueAtMs: number) => void;
}

/** How late requests were sent: where this is not small, the generator was the limit. */
export type Lateness = ReturnType<typeof latencyHistogram>;

/**
 * Sends at a given rate whatever becomes of it: users do not wait for each other's answers. autocannon's own rate sends
 * each second's share in one burst.
 */
export async function openLoop(options: OpenLoopOptions): Promise<Lateness> {
  const { ratePerSecond, pattern, durationS, signal, send } = options;
  const lateness = latencyHistogram();
  const startedAtMs = performance.now();
  const due = arrivals(ratePerSecond, pattern);
  for (let dueMs = due.next().value; dueMs < durationS * 1000 && !signal.aborted; ) {
    const nowMs = performance.now() - startedAtMs;
    if (dueMs > nowMs) {
      await sleep(dueMs - nowMs);
      continue;
    }
    recordMs(lateness, nowMs - dueMs);
    send(startedAtMs + dueMs);
    dueMs = due.next().value;
  }
  return lateness;
}
