import { setTimeout as sleep } from 'node:timers/promises';

/** Reports the progress of a run of known duration, until it ends or is aborted. */
export async function reportProgress(
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
