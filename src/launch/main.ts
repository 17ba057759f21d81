import { join } from 'node:path';
import { messageOf } from '../process/error-facts.ts';
import { misspeltSettings } from '../process/misspelt-settings.ts';
import { DataDirLock } from './data-dir-lock.ts';
import { launchSettingNames, loadLaunchConfig } from './launch-config.ts';
import { launch } from './launcher.ts';
import { rotateLogs } from './log-rotation.ts';
import { print } from './print.ts';
import { killServices } from './service-process.ts';
import { onShutdownSignals } from './shutdown-signals.ts';
import { Supervisor } from './supervisor.ts';

const shutdown = new AbortController();
const shutdownRequested = new Promise<void>((resolve) => {
  shutdown.signal.addEventListener('abort', () => resolve());
});

// Without a listener, a failed write to stderr (full disk, closed terminal) would end the launcher and its services.
process.stderr.on('error', () => {});

// Closes all new files to other users: by default Redis and NATS create world-readable files.
process.umask(0o077);

let supervisor: Supervisor | undefined;
let lock: DataDirLock | undefined;
process.on('exit', () => {
  killServices();
  lock?.release();
});
onShutdownSignals({
  ignoresHangup: process.argv.includes('--ignore-hangup'),
  stop() {
    print('\nStopping …');
    shutdown.abort();
  },
  stopAtOnce() {
    print('Killing the remaining processes.');
    process.exit(130);
  },
});

try {
  for (const warning of misspeltSettings(process.env, launchSettingNames)) print(`!! ${warning}`);
  const config = await loadLaunchConfig(process.env);
  const ownLock = DataDirLock.acquire(config.dataDir);
  lock = ownLock;
  supervisor = new Supervisor(config.restartPauseMs, (running) => ownLock.record(running));
  void rotateLogs(join(config.dataDir, 'logs'), shutdown.signal);
  await launch(config, supervisor, shutdown.signal);
  await shutdownRequested;
} catch (error) {
  if (!shutdown.signal.aborted) {
    print(`\n${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
await supervisor?.stop();
if (supervisor && shutdown.signal.aborted) print('Stopped.');
process.exit();
