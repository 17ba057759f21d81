import { parseArgs } from 'node:util';
import type { ParsedShow } from '../parse-show.ts';
import { showFilesIn } from '../read-shows.ts';
import { showChanges } from '../show-changes.ts';
import { ShowFileError } from '../show-file-error.ts';
import { changesText } from './changes-text.ts';
import { openShow, openShowFile, showsFolder } from './open-show.ts';
import { comparedWithServer } from './served-show.ts';
import { summaryOf } from './summary.ts';
import { UsageError } from './usage-error.ts';

/** Checks every file; the error names what is wrong with all of them. With `--server` it also fails if the server would refuse the change. */
export async function checkCommand(args: string[]): Promise<string> {
  const options = { against: { type: 'string' }, server: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const files = positionals.length > 0 ? positionals : showFilesIn(showsFolder());
  if (files.length === 0) throw new ShowFileError(`${showsFolder()}: has no show files`);
  const nowMs = Date.now();
  const parsed = openAll(files);
  const texts = parsed.map(({ show, warnings }, i) =>
    [`${files[i]}: ${summaryOf(show, nowMs)}`, ...warnings(nowMs), ''].join('\n'),
  );
  const { against, server } = values;
  if (against !== undefined) {
    const changes = changesText(showChanges(openShow(against), only(parsed, '--against').show));
    texts.push(`Compared with ${against}:\n${changes}\n`);
  }
  if (server !== undefined) texts.push(await comparedWithServer(only(parsed, '--server').show, server, texts));
  return texts.join('\n');
}

function only(parsed: readonly ParsedShow[], option: string): ParsedShow {
  const [first, ...others] = parsed;
  if (!first || others.length > 0) throw new UsageError(`${option} compares one file`);
  return first;
}

function openAll(files: readonly string[]): ParsedShow[] {
  const errors: string[] = [];
  const parsed = files.flatMap((file) => {
    try {
      return [openShowFile(file)];
    } catch (error) {
      if (!(error instanceof ShowFileError)) throw error;
      errors.push(error.message);
      return [];
    }
  });
  if (errors.length > 0) throw new ShowFileError(errors.join('\n'));
  return parsed;
}
