/** Longer than npm takes to pass on a Ctrl-C that the terminal has already delivered. */
const sameSignalMs = 500;

/** The first signal asks to stop; a second one, by an impatient user, no longer waits. */
export function onShutdownSignals(stop: () => void, stopAtOnce: () => void): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const now = Date.now();
      if (firstAt === undefined) {
        firstAt = now;
        stop();
      } else if (now - firstAt > sameSignalMs) stopAtOnce();
    });
  }
}
