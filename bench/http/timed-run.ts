import { setTimeout as sleep } from 'node:timers/promises';

/** Tells the progress of what takes a known time, until it is over or aborted. */
export async function tellProgress(
  durationS: number,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<void> {
  const startedAtMs = performance.now();
  for (;;) {
    const done = (performance.now() - startedAtMs) / (durationS * 1000);
    onProgress(Math.min(1, done));
    if (done >= 1 || signal.aborted) return;
    await sleep(200);
  }
}
