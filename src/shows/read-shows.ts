import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf } from '../process/error-facts.ts';
import { isShowId } from '../protocol/show.ts';
import { defaultShowId } from './default-show.ts';
import { type ParsedShow, parseShowFile } from './parse-show.ts';
import type { Show } from './show.ts';
import { ShowFileError } from './show-file-error.ts';

/** Twice what a plan of 20,000 seats needs, each on lines of its own. */
const maxFileBytes = 8 * 1024 * 1024;
const schemaFile = 'show.schema.json';

/** Paths of the show files in a folder, in order of their names. */
export function showFilesIn(folder: string): string[] {
  const names = attempt(folder, () => readdirSync(folder));
  return names
    .filter((name) => name.endsWith('.json') && name !== schemaFile)
    .sort()
    .map((name) => join(folder, name));
}

/** Throws a `ShowFileError`. */
export const readShow = (path: string): Show => readShowFile(path).show;

/** As `readShow`. */
export function readShowFile(path: string): ParsedShow {
  const id = basename(path, '.json');
  if (!isShowId(id)) {
    throw new ShowFileError(
      `${path}: the name of the file is the id of the show: 1 to 32 characters of a-z, 0-9 and -`,
    );
  }
  if (id === defaultShowId) {
    throw new ShowFileError(`${path}: the show "${defaultShowId}" is built in; give the file another name`);
  }
  return parseShowFile(id, readShowText(path), path);
}

/** The text of a file of bounded size. */
export function readShowText(path: string): string {
  return attempt(path, () => {
    const { size } = statSync(path);
    if (size > maxFileBytes) throw new Error(`has ${size} bytes, must have at most ${maxFileBytes}`);
    return readFileSync(path, 'utf8');
  });
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ShowFileError(`${path}: cannot be read: ${messageOf(cause)}`, { cause });
  }
}
