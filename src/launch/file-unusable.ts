import { execFileSync } from 'node:child_process';
import { type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** A file or folder of the launcher that cannot be read, made or written; the message names it, the cause and the remedy. */
export class FileUnusableError extends Error {
  override name = 'FileUnusableError';
}

const otherFolder = 'choose another folder with DATA_DIR=…';

export function fileUnusable(path: string, cause: unknown): FileUnusableError {
  return cause instanceof FileUnusableError ? cause : new FileUnusableError(explain(path, cause as Error), { cause });
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `${path} cannot be written: the disk is full. Free space on it, or ${otherFolder}`;
    case 'EACCES':
    case 'EPERM':
      return explainOwner(path, error);
    case 'EROFS':
      return `${path} cannot be written: its file system is read-only. Mount it writable, or ${otherFolder}`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path} cannot be made: a file is where a folder is needed. Move that file, or ${otherFolder}`;
    default:
      return `${path} cannot be used (${error.message}). Repair it, or ${otherFolder}`;
  }
}

function explainOwner(path: string, error: Error): string {
  const [existing, stats] = nearestExisting(path);
  const me = userInfo();
  if (stats.uid === me.uid || me.uid === 0)
    return `${path} cannot be used (${error.message}). Correct the permissions of ${existing}, or ${otherFolder}`;
  const owner = userName(stats.uid);
  const folder = stats.isDirectory() ? existing : dirname(existing);
  return (
    `${existing} belongs to the user ${owner}; this user, ${me.username}, may not use it. ` +
    `Run as ${owner}, give it to ${me.username} (sudo chown -R ${me.username} ${folder}), or ${otherFolder}`
  );
}

/** The path itself, or the first folder above it that can be looked at. */
function nearestExisting(path: string): [path: string, stats: Stats] {
  try {
    return [path, statSync(path)];
  } catch {
    return nearestExisting(dirname(path));
  }
}

function userName(uid: number): string {
  try {
    return execFileSync('id', ['-nu', String(uid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return String(uid);
  }
}
