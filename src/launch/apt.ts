import { messageOf } from '../process/error-facts.ts';
import { findExecutable } from './find-executable.ts';
import { print } from './print.ts';
import { runToLog } from './run-to-log.ts';
import { ServersMissingError } from './server-origin.ts';

/**
 * `policy-rc.d` prevents the packages from starting their services, which would take our ports; `disable` prevents it at the
 * next boot. `apt-get update` may fail: with one dead mirror the package lists may still be sufficient. The command waits for
 * another installation in progress.
 */
const installScript = `
umask 022
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy
fi
apt-get update || true
apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends "$@" || exit
if [ -d /run/systemd/system ]; then systemctl disable "$@" || true; fi
`;

/** In Debian and Ubuntu most packages have the name of their program. */
const packageOf: Record<string, string> = { postgres: 'postgresql', initdb: 'postgresql' };

export async function installWithApt(programs: string[], logFile: string, signal: AbortSignal): Promise<void> {
  const packages = [...new Set(programs.map((program) => packageOf[program] ?? program))];
  const list = packages.join(', ');
  if (!findExecutable('apt-get'))
    throw new ServersMissingError(`This machine: ${list} not found, and there is no apt-get to install from`);
  const root = rootPrefix();
  if (!root) throw new ServersMissingError(`This machine: ${list} not found; apt-get needs root or sudo to install it`);
  print(`Installing ${list} with apt-get (log: ${logFile})`);
  try {
    await runToLog([...root, 'sh', '-c', installScript, 'install', ...packages], logFile, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ServersMissingError(`This machine: ${list} not found, and installing failed: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function rootPrefix(): string[] | undefined {
  if (process.getuid?.() === 0) return [];
  if (!findExecutable('sudo')) return undefined;
  return process.stdin.isTTY ? ['sudo'] : ['sudo', '-n'];
}
