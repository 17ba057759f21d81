import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultShow, defaultShowId } from '../default-show.ts';
import { readShow } from '../read-shows.ts';
import type { Show } from '../show.ts';

export const showsFolder = (): string => process.env.SHOWS_DIR || 'shows';

/** A show by the path of its file, or by its id. */
export function openShow(name: string): Show {
  if (name === defaultShowId) return defaultShow();
  const inFolder = join(showsFolder(), `${name}.json`);
  return readShow(!existsSync(name) && existsSync(inFolder) ? inFolder : name);
}
