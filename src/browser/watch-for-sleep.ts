const lookEveryMs = 1_000;
const sleptMs = 5_000;

/** Calls back when a second took much longer than one: the device slept, or the page was frozen. Returns how to stop. */
export function watchForSleep(onWake: () => void): () => void {
  // The wall clock: a monotonic one may stand still in the sleep. Where it only jumps, a needless look does no harm.
  let lookedAtMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    const hasSlept = nowMs - lookedAtMs > sleptMs;
    lookedAtMs = nowMs;
    if (hasSlept) onWake();
  }, lookEveryMs);
  return () => clearInterval(timer);
}
