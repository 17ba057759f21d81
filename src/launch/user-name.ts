import { execFileSync } from 'node:child_process';

/** The name of a user of this machine, or its id: in a container a user may have no name. */
export function userName(uid: number): string {
  try {
    return execFileSync('id', ['-un', String(uid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return String(uid);
  }
}
