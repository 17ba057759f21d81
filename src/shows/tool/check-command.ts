import { parseArgs } from 'node:util';
import { showFilesIn } from '../read-shows.ts';
import type { Show } from '../show.ts';
import { showChanges } from '../show-changes.ts';
import { ShowFileError } from '../show-file-error.ts';
import { changesText } from './changes-text.ts';
import { openShow, showsFolder } from './open-show.ts';
import { summaryOf } from './summary.ts';
import { UsageError } from './usage-error.ts';

/** Checks every file; the error names what is wrong with all of them. */
export function checkCommand(args: string[]): string {
  const { values, positionals } = parseArgs({ args, options: { against: { type: 'string' } }, allowPositionals: true });
  const files = positionals.length > 0 ? positionals : showFilesIn(showsFolder());
  if (files.length === 0) throw new ShowFileError(`${showsFolder()}: has no show files`);
  const shows = openAll(files);
  const summaries = shows.map((show, i) => `${files[i]}: ${summaryOf(show, Date.now())}\n`);
  if (values.against === undefined) return summaries.join('\n');
  const [show, ...others] = shows;
  if (!show || others.length > 0) throw new UsageError('--against compares one file with its older version');
  return `${summaries[0]}\nCompared with ${values.against}:\n${changesText(showChanges(openShow(values.against), show))}\n`;
}

function openAll(files: readonly string[]): Show[] {
  const errors: string[] = [];
  const shows = files.flatMap((file) => {
    try {
      return [openShow(file)];
    } catch (error) {
      if (!(error instanceof ShowFileError)) throw error;
      errors.push(error.message);
      return [];
    }
  });
  if (errors.length > 0) throw new ShowFileError(errors.join('\n'));
  return shows;
}
