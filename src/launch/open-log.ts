import { constants, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';
import type { ServiceUser } from './service-user.ts';

const appendNoLink = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;

/**
 * The file descriptor of a log file that is written at its end; the file is made where it is missing. Only `owner` can read
 * it: nginx opens its own standard output once more.
 */
export function openLog(path: string, owner?: ServiceUser): number {
  makeFolder(dirname(path));
  try {
    const log = openSync(path, appendNoLink, 0o600);
    // Also one of an older version. A device such as /dev/null stays as it is.
    if (!fstatSync(log).isFile()) return log;
    fchmodSync(log, 0o600);
    if (owner) fchownSync(log, owner.uid, owner.gid);
    return log;
  } catch (cause) {
    throw fileUnusable(path, cause);
  }
}
