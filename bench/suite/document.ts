import { formatNumber } from '../report/format.ts';
import type { Machine } from '../report/machine.ts';
import type { Table } from '../scenarios/scenario.ts';
import type { Section } from './section.ts';

/** Replaces the text between `<!-- bench:name -->` and `<!-- /bench:name -->` with the results; the rest stays unchanged. */
export function updateDocument(text: string, machine: Machine, sections: readonly Section[]): string {
  let updated = replacePart(text, 'machine', describeMachine(machine));
  for (const section of sections) updated = replacePart(updated, section.name, describeSection(section));
  return updated;
}

export class PlaceMissingError extends Error {
  override name = 'PlaceMissingError';
}

function replacePart(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new PlaceMissingError(`The document has no ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content.trim()}\n\n${text.slice(to)}`;
}

function describeMachine({ cpu, cores, memoryGiB, loadAverage, os, versions, commit }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}, load average ${formatNumber(loadAverage)} at the start; ${programs.join(', ')}; commit ${commit}.`;
}

function describeSection({ tables, targets, violations, name, plot }: Section): string {
  const parts = [
    ...tables.map((table) => `**${table.title}**\n\n${markdownTable(table)}`),
    targets.map(({ text, value, isMet }) => `- ${isMet ? '✓' : '✗'} ${text}: ${formatNumber(value)}`).join('\n'),
    ...(plot ? [`![${plot.title}](performance-${name}.svg)`] : []),
    ...violations.map((violation) => `- **violation**: ${violation}`),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function markdownTable({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const cell = (value: string | number) =>
    (typeof value === 'number' ? formatNumber(value) : value).replaceAll('|', '\\|');
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map((row) => line(row.map(cell))),
  ].join('\n');
}
