import { parseArgs } from 'node:util';
import { Compile } from 'typebox/compile';
import { parseJson } from '../parse-json.ts';
import { parseShow } from '../parse-show.ts';
import { fromPretix } from '../pretix/from-pretix.ts';
import { PretixPlan } from '../pretix/pretix-plan.ts';
import { problemLine } from '../problem.ts';
import { readShowText } from '../read-shows.ts';
import { schemaProblems } from '../schema-problems.ts';
import type { ShowFile } from '../show-file.ts';
import { ShowFileError } from '../show-file-error.ts';
import { exampleStart } from './generate-command.ts';
import { jsonText } from './json-text.ts';
import { plural } from './summary.ts';
import { UsageError } from './usage-error.ts';

const pretixPlan = Compile(PretixPlan);

/** A show file from a plan of pretix's editor. */
export function importCommand(args: string[], note: (text: string) => void): string {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) throw new UsageError('import takes the file of one seating plan');
  const content = parseJson(readShowText(path), path);
  if (!pretixPlan.Check(content)) {
    throw new ShowFileError(
      schemaProblems(pretixPlan, content)
        .map((problem) => problemLine(path, problem))
        .join('\n'),
    );
  }
  const { name, categories, plan, changedIds } = fromPretix(content);
  const file: ShowFile = { $schema: './show.schema.json', name, starts_at: exampleStart, categories, plan };
  const text = jsonText(file);
  parseShow('imported', text, path);
  if (changedIds > 0)
    note(`${plural(changedIds, 'seat id')} changed: ids have 1 to 32 characters of A-Z, a-z, 0-9 and -.`);
  note(
    'Next: set starts_at. For a show with prices, add currency, ticket_types and prices. Mark accessible seats with flags.',
  );
  return text;
}
