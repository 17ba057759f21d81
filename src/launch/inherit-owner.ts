import { lchownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What root makes in another user's folder is that user's, who can go on with it without root. */
export function inheritOwner(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid !== 0) lchownSync(path, uid, gid);
}
