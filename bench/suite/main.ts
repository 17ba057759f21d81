import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatNumber } from '../report/format.ts';
import { describeMachine } from '../report/machine.ts';
import { renderPlot } from '../report/svg-plot.ts';
import { renderTable } from '../report/terminal.ts';
import { buildCommit } from './commit-build.ts';
import { updateDocument } from './document.ts';
import type { Section } from './section.ts';
import { sections } from './sections.ts';

const documentFile = 'docs/performance.md';

/**
 * `npm run bench [-- --quick] [-- --beside <commit>] [-- section …]` measures the tree beside the yardsticks, and beside
 * an older commit. It writes docs/performance.md, except after `--quick`.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    beside: { type: 'string' },
    json: { type: 'string', default: '.data/bench.json' },
  },
});
const wanted = positionals.length > 0 ? positionals : Object.keys(sections);
const measures = wanted.map((name) => {
  const measure = sections[name];
  if (!measure) throw new Error(`There is no section "${name}"; there are ${Object.keys(sections).join(', ')}`);
  return measure;
});
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

const machine = describeMachine();
const measured: Section[] = [];
const onProgress = (doing: string) => process.stderr.write(`\r\x1b[K${doing}`);
if (values.beside !== undefined) onProgress(`building commit ${values.beside}`);
const older = values.beside === undefined ? undefined : await buildCommit(values.beside, { signal: stopping.signal });
try {
  for (const measure of measures) {
    if (stopping.signal.aborted) break;
    const section = await measure({ isQuick: values.quick ?? false, older, signal: stopping.signal, onProgress });
    onProgress('');
    if (stopping.signal.aborted) break; // cut short: not a valid measurement
    measured.push(section);
    process.stdout.write(describe(section));
  }
} finally {
  await older?.remove();
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
