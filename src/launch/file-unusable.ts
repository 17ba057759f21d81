import { existsSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorOf } from '../process/error-facts.ts';
import { userName } from './user-name.ts';

/** A file or folder of the launcher cannot be read, created or written; the message has the path, the cause and the remedy. */
export class FileUnusableError extends Error {
  override name = 'FileUnusableError';
}

const otherFolder = 'choose another folder with DATA_DIR=…';
const chooseOther = 'Choose another folder with DATA_DIR=…';

/** `ownFolder` is the data folder of an earlier start, which the message proposes to chown to this user. */
export function fileUnusable(path: string, cause: unknown, ownFolder?: string): FileUnusableError {
  if (cause instanceof FileUnusableError) return cause;
  return new FileUnusableError(explain(path, errorOf(cause), ownFolder), { cause });
}

function explain(path: string, error: NodeJS.ErrnoException, ownFolder?: string): string {
  const { code = '', message, path: failed = path } = error;
  switch (code) {
    case 'ENOSPC':
      return `${path} cannot be written: the disk is full. Free space on it, or ${otherFolder}`;
    case 'EDQUOT':
      return `${path} cannot be written: the disk quota is used up. Free space on the disk, or ${otherFolder}`;
    case 'EACCES':
    case 'EPERM':
      return explainRights(path, message, ownFolder);
    case 'EROFS':
      return `${path} cannot be written: its file system is read-only. Mount it writable, or ${otherFolder}`;
    case 'ENOTDIR':
    case 'EEXIST': {
      const [existing] = nearestExisting(failed);
      if (code === 'EEXIST' && existing !== failed)
        return `${path} cannot be made: ${failed} is a symbolic link to a path that does not exist. ${chooseOther}`;
      return `${path} cannot be made: a file is where a folder is needed (${existing} is not a folder). Move that file, or ${otherFolder}`;
    }
    case 'ENOENT':
      if (!existsSync(dirname(failed))) break;
      return `${path} cannot be used (ENOENT: nothing can be created in ${dirname(failed)}). ${chooseOther}`;
    case 'EISDIR':
      return `${path} cannot be used (EISDIR: a folder is where a file is needed). Move that folder, or ${otherFolder}`;
    case 'ELOOP':
      return `${path} cannot be used (ELOOP: its symbolic links lead to each other). ${chooseOther}`;
    case 'ENAMETOOLONG':
      return `${path} cannot be used (ENAMETOOLONG: a name in it is too long for the file system). ${chooseOther}`;
  }
  return `${path} cannot be used (${message}). Repair it, or ${otherFolder}`;
}

function explainRights(path: string, message: string, ownFolder?: string): string {
  const [existing, { uid }] = nearestExisting(path);
  const userId = process.getuid?.() ?? 0;
  if (userId === 0)
    return `${path} cannot be used (${message}). Correct the permissions of ${existing}, or ${otherFolder}`;
  const [owner, user] = [userName(uid), userName(userId)];
  const reason = `${existing} belongs to the user ${owner}, and the user ${user} has no right to read and write it.`;
  if (ownFolder === undefined) return `${reason} ${chooseOther}`;
  const folder = shellQuoted(ownFolder);
  const remedy =
    uid === userId
      ? `Run chmod -R u+rwX ${folder}`
      : `Run as root, give the folder to ${user} (sudo chown -R ${user} ${folder})`;
  return `${reason} ${remedy}, or ${otherFolder}`;
}

/** The path itself, or the nearest folder above it that exists and is accessible. */
function nearestExisting(path: string): [path: string, stats: Stats] {
  try {
    return [path, statSync(path)];
  } catch {
    return nearestExisting(dirname(path));
  }
}

const shellQuoted = (text: string) => (/^[\w./~+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
