/** Longer than npm takes to pass on a Ctrl-C that the terminal has already delivered. */
const sameSignalMs = 500;

interface ShutdownSignalsOptions {
  /** nohup set SIGHUP to be ignored: the end of the terminal must not end the system. */
  ignoresHangup: boolean;
  stop: () => void;
  stopAtOnce: () => void;
}

/** The first signal asks to stop; a second one, by an impatient user, no longer waits. */
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
  // Without a handler SIGHUP would end this process: Node resets ignored signals at its start.
  process.on('SIGHUP', ignoresHangup ? () => {} : onSignal);
}
