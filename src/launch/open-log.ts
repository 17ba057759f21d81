import { constants, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';
import type { ServiceUser } from './service-user.ts';

const appendNoLink = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;

/**
 * Opens a log file for appending, creates it if it is missing, and returns the file descriptor. The file belongs to `owner`:
 * nginx opens its own standard output again.
 */
export function openLog(path: string, owner?: ServiceUser): number {
  makeFolder(dirname(path));
  try {
    const log = openSync(path, appendNoLink, 0o600);
    // Also corrects the mode of a file of an older version. A device such as /dev/null stays unchanged.
    if (!fstatSync(log).isFile()) return log;
    fchmodSync(log, 0o600);
    if (owner) fchownSync(log, owner.uid, owner.gid);
    return log;
  } catch (cause) {
    throw fileUnusable(path, cause);
  }
}
