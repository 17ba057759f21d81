import { execFileSync } from 'node:child_process';

/** The name of a user of this machine, or the id if the user has no name, as in a container. */
export function userName(uid: number): string {
  try {
    return execFileSync('id', ['-un', String(uid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return String(uid);
  }
}
