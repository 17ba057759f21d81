import { setTimeout as sleep } from 'node:timers/promises';
import { latencyHistogram, recordMs } from '../measure/recorder.ts';
import { type ArrivalPattern, arrivals } from './arrivals.ts';

export interface OpenLoopOptions {
  ratePerSecond: number;
  pattern: ArrivalPattern;
  durationS: number;
  signal: AbortSignal;
  /** `dueAtMs` (`performance.now()`): latency counts from this time, so that a late request includes its wait. Must not throw. */
  send: (dueAtMs: number) => void;
}

/** How late requests were sent. If this is not small, the load generator was the limit. */
export type Lateness = ReturnType<typeof latencyHistogram>;

/**
 * Sends at a given rate, independent of the replies: users do not wait for each other. autocannon's own rate option
 * sends each second's requests in one burst.
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
