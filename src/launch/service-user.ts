import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findExecutable } from './find-executable.ts';
import { userName } from './user-name.ts';

/** Who runs the servers and processes that the launcher starts as root. */
export interface ServiceUser {
  uid: number;
  gid: number;
}

/** Linux lets only root listen below this port by default. */
const firstFreePort = () => {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return 1024;
  }
};

type Command = readonly [program: string, ...args: string[]];

/** What starts the command as this user. Where a port needs it, with the right to listen there, and no other of root's rights. */
export function commandAs(
  user: ServiceUser | undefined,
  command: Command,
  ports: number[] = [],
): { command: Command; ids?: ServiceUser } {
  if (!user) return { command };
  const first = firstFreePort();
  if (ports.every((port) => port >= first)) return { command, ids: user };
  const setpriv = findExecutable('setpriv');
  if (!setpriv) return { command };
  const right = '+net_bind_service';
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs'];
  return { command: [setpriv, ...ids, `--inh-caps=${right}`, `--ambient-caps=${right}`, ...command] };
}

interface Choice {
  /** Absent: everything runs as the user of the launcher. */
  user?: ServiceUser;
  /** Why root's processes stay root's. */
  warning?: string;
}

/**
 * Started by root, nothing else needs root's rights: all runs as the owner of the data folder, or as `nobody` where that is
 * root. The launcher itself stays root's, which alone can start a program as another user.
 */
export function serviceUser(dataDir: string): Choice {
  if (process.getuid?.() !== 0) return {};
  const { uid, gid } = statSync(dataDir);
  const user = uid === 0 ? nobody() : { uid, gid };
  if (!user) return { warning: 'This machine has no user "nobody": everything runs as root.' };
  // Passage to the folders of the services, and no list of what is in it. Its files are closed to others.
  if (uid === 0) chmodSync(dataDir, 0o711);
  const closed = [process.execPath, resolve('dist'), resolve('node_modules'), resolve('public'), dataDir].find(
    (path) => !canEnter(path, user),
  );
  if (closed === undefined) return { user };
  const remedy = `Move it to where that user may go, e.g. /srv, or start it as another user.`;
  return { warning: `The user ${userName(user.uid)} cannot enter ${closed}: everything runs as root. ${remedy}` };
}

/**
 * Gives a folder and its contents to the user. `chown` follows no symbolic link in it, also not one that is added meanwhile. If the
 * folder itself is a link, it is followed only if root owns its parent.
 */
export function giveTo(user: ServiceUser | undefined, dir: string): void {
  if (!user) return;
  const target = statSync(dirname(dir)).uid === 0 ? realpathSync(dir) : dir;
  execFileSync('chown', ['-RhP', `${user.uid}:${user.gid}`, target]);
}

function nobody(): ServiceUser | undefined {
  const idOf = (option: string) =>
    Number(execFileSync('id', [option, 'nobody'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: idOf('-u'), gid: idOf('-g') };
  } catch {
    return undefined;
  }
}

function canEnter(path: string, { uid, gid }: ServiceUser): boolean {
  try {
    execFileSync('test', ['-x', path], { uid, gid, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
