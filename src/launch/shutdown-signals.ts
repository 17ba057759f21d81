/** Longer than npm needs to forward a Ctrl-C that the terminal has already delivered. */
const sameSignalMs = 500;

interface ShutdownSignalsOptions {
  /** Set by nohup: closing the terminal must not stop the system. */
  ignoresHangup: boolean;
  stop: () => void;
  stopAtOnce: () => void;
}

/** The first signal stops the system; a second one kills it without waiting. */
export function onShutdownSignals({ ignoresHangup, stop, stopAtOnce }: ShutdownSignalsOptions): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    const now = Date.now();
    if (firstAt === undefined) {
      firstAt = now;
      stop();
    } else if (now - firstAt > sameSignalMs) stopAtOnce();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  // Without a handler SIGHUP would end this process, because Node resets ignored signals at its start.
  process.on('SIGHUP', ignoresHangup ? () => {} : onSignal);
}
