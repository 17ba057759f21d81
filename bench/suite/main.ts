import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatNumber } from '../report/format.ts';
import { describeMachine } from '../report/machine.ts';
import { renderPlot } from '../report/svg-plot.ts';
import { renderTable } from '../report/terminal.ts';
import { updateDocument } from './document.ts';
import type { Section } from './section.ts';
import { sections } from './sections.ts';

const documentFile = 'docs/performance.md';

/**
 * `npm run bench [-- --quick] [-- section …]`: ours against the yardsticks. Written into docs/performance.md, but where
 * it was only a quick look.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'string', default: '.data/bench.json' } },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(sections);
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort());

const machine = describeMachine();
const measured: Section[] = [];
for (const name of wanted) {
  const measure = sections[name];
  if (!measure) throw new Error(`There is no section "${name}"; there are ${Object.keys(sections).join(', ')}`);
  if (stopping.signal.aborted) break;
  const section = await measure({
    isQuick: values.quick ?? false,
    signal: stopping.signal,
    onProgress: (doing) => process.stderr.write(`\r\x1b[K${doing}`),
  });
  process.stderr.write('\r\x1b[K');
  if (stopping.signal.aborted) break; // cut short: it says nothing
  measured.push(section);
  process.stdout.write(describe(section));
}
mkdirSync('.data', { recursive: true });
writeFileSync(values.json, `${JSON.stringify({ machine, sections: measured }, null, 1)}\n`);
if (!values.quick) {
  writeFileSync(documentFile, updateDocument(readFileSync(documentFile, 'utf8'), machine, measured));
  for (const { name, plot } of measured) {
    if (plot) writeFileSync(`docs/performance-${name}.svg`, `${renderPlot(plot, { isAlone: true })}\n`);
  }
}
if (measured.some(({ violations }) => violations.length > 0)) process.exitCode = 2;

function describe({ tables, targets, violations }: Section): string {
  return [
    ...tables.map(({ title, columns, rows }) => `${title}\n${renderTable(columns, rows)}`),
    ...targets.map(({ text, value, isMet }) => `${isMet ? '✓' : '✗'} ${text}: ${formatNumber(value)}\n`),
    ...violations.map((violation) => `VIOLATION ${violation}\n`),
    '\n',
  ].join('');
}
