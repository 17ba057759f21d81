/** Calls `send` this often, whatever becomes of it; a late timer makes up for what it missed, up to a tenth of a second. */
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
