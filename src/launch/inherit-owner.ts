import { lchownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Gives a file that root creates in another user's folder to that user, who can then use it without root. */
export function inheritOwner(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid !== 0) lchownSync(path, uid, gid);
}
