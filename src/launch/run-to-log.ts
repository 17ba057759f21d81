import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { openLog } from './open-log.ts';

class CommandFailedError extends Error {
  override name = 'CommandFailedError';
}

/** Runs a long command with much output, e.g. installing a package or pulling an image. */
export async function runToLog(command: readonly string[], logFile: string, signal: AbortSignal): Promise<void> {
  const log = openLog(logFile);
  const [program = '', ...args] = command;
  try {
    await new Promise<void>((resolve, reject) => {
      // The terminal stays its stdin: sudo may prompt for a password.
      const child = spawn(program, args, { stdio: ['inherit', log, log], signal });
      child.once('error', reject);
      child.once('exit', (code, endSignal) =>
        code === 0
          ? resolve()
          : reject(new CommandFailedError(`${program} failed (${endSignal ?? `exit code ${code}`}), see ${logFile}`)),
      );
    });
  } finally {
    closeSync(log);
  }
}
