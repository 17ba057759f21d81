import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findExecutable } from './find-executable.ts';
import { userName } from './user-name.ts';

/** The user as which a launcher that runs as root starts its servers and processes. */
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

/** A command line that starts the command as this user. If a port requires it, with the right to listen there as its only right of root. */
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
  /** The reason why the services run as root. */
  warning?: string;
}

/**
 * If root starts the launcher, the services run as the owner of the data folder, or as `nobody` if root owns it. The launcher
 * itself keeps running as root, because only root can start a program as another user.
 */
export function serviceUser(dataDir: string): Choice {
  if (process.getuid?.() !== 0) return {};
  const user = ownerOrNobody(dataDir);
  if (!user) return { warning: 'This machine has no user "nobody": everything runs as root.' };
  const closed = [process.execPath, resolve('dist'), resolve('node_modules'), resolve('public'), dataDir].find(
    (path) => !canEnter(path, user),
  );
  if (closed === undefined) return { user };
  const remedy = `Move it to where that user may go, e.g. /srv, or start it as another user.`;
  return { warning: `The user ${userName(user.uid)} cannot enter ${closed}: everything runs as root. ${remedy}` };
}

/** The user of Postgres, which refuses to run as root even if everything else does. undefined: the user of the launcher; `isRoot`: there is no other. */
export function postgresUser(dataDir: string): { user: ServiceUser | undefined; isRoot: boolean } {
  if (process.getuid?.() !== 0) return { user: undefined, isRoot: false };
  const user = ownerOrNobody(dataDir);
  return user && canEnter(dataDir, user) ? { user, isRoot: false } : { user: undefined, isRoot: true };
}

function ownerOrNobody(dataDir: string): ServiceUser | undefined {
  const { uid, gid } = statSync(dataDir);
  if (uid !== 0) return { uid, gid };
  // Lets other users traverse the folder but not list it. Its files are closed to them.
  chmodSync(dataDir, 0o711);
  return nobody();
}

/**
 * Gives a folder and its contents to the user. `chown` follows no symbolic link in it, even one that is added meanwhile. If
 * the folder itself is a link, it is followed only if root owns its parent.
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
