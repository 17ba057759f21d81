/** The clock of operations: Unix milliseconds that never jump, with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until the condition holds; returns the elapsed time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<number> {
  const startedAtMs = nowMs();
  while (!(await condition())) {
    if (nowMs() - startedAtMs > timeoutMs) throw new Error(`Not in ${timeoutMs} ms: ${what}`);
    await pause(10);
  }
  return nowMs() - startedAtMs;
}
