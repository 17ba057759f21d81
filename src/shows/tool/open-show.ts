import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultShow, defaultShowId } from '../default-show.ts';
import type { ParsedShow } from '../parse-show.ts';
import { readShowFile } from '../read-shows.ts';
import type { Show } from '../show.ts';

export const showsFolder = (): string => process.env.SHOWS_DIR || 'shows';

/** A show by the path of its file, or by its id. */
export const openShow = (name: string): Show => openShowFile(name).show;

/** As `openShow`. */
export function openShowFile(name: string): ParsedShow {
  if (name === defaultShowId) return { show: defaultShow(), warnings: () => [] };
  const inFolder = join(showsFolder(), `${name}.json`);
  return readShowFile(!existsSync(name) && existsSync(inFolder) ? inFolder : name);
}
