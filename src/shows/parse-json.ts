import { messageOf } from '../process/error-facts.ts';
import { duplicateKeys } from './duplicate-keys.ts';
import { problemLine } from './problem.ts';
import { ShowFileError } from './show-file-error.ts';

/** `file` is its name in messages. Throws a `ShowFileError`. */
export function parseJson(text: string, file: string): unknown {
  const content = parsed(text, file);
  const [duplicate] = duplicateKeys(text);
  if (duplicate) throw new ShowFileError(problemLine(file, duplicate));
  return content;
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const reason = messageOf(cause).replace(/at position (\d+).*/s, (_, position) =>
      lineAndColumn(text, Number(position)),
    );
    // The lines that npm prints before the output of a script.
    const remedy = /^\s*> /.test(text) ? ' If npm made this file, make it with "npm run -s shows".' : '';
    throw new ShowFileError(`${file}: is not JSON: ${reason}.${remedy}`, { cause });
  }
}

function lineAndColumn(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  return `at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
