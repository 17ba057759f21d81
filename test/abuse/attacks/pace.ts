/** Calls `send` at this rate, regardless of its result; a late timer makes up for missed calls, up to a tenth of a second. */
export function pace(perSecond: number, send: () => void): void {
  let owed = 0;
  let lastMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now();
    owed = Math.min(owed + ((nowMs - lastMs) / 1_000) * perSecond, Math.max(1, perSecond / 10));
    lastMs = nowMs;
    for (; owed >= 1; owed--) send();
  }, 10);
}
