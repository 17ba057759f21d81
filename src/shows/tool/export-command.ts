import { parseArgs } from 'node:util';
import { toPretix } from '../pretix/to-pretix.ts';
import { jsonText } from './json-text.ts';
import { openShow } from './open-show.ts';
import { UsageError } from './usage-error.ts';

/** The seating plan of a show for pretix's editor. */
export function exportCommand(args: string[], note: (text: string) => void): string {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError('export takes one show: its file or its id');
  const text = jsonText(toPretix(openShow(name)));
  note('The format has no place for flags, explicit aisles, prices, times and limits.');
  return text;
}
