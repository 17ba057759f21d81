import { openSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';

/** The file descriptor of a log file that is written at its end; the file is made where it is missing. */
export function openLog(path: string): number {
  makeFolder(dirname(path));
  try {
    return openSync(path, 'a');
  } catch (cause) {
    throw fileUnusable(path, cause);
  }
}
