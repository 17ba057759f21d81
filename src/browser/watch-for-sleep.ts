const checkEveryMs = 1_000;
const sleptMs = 5_000;

/** Calls back if a timer of one second is much too late: the device slept, or the page was frozen. Returns a function that stops it. */
export function watchForSleep(onWake: () => void): () => void {
  // A monotonic clock may stop during sleep. If the wall clock only jumps, an unnecessary check does no harm.
  let checkedAtMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    const hasSlept = nowMs - checkedAtMs > sleptMs;
    checkedAtMs = nowMs;
    if (hasSlept) onWake();
  }, checkEveryMs);
  return () => clearInterval(timer);
}
