import { styleText } from 'node:util';
import Table from 'cli-table3';
import { checkNames } from '../audit/audit.ts';
import { comparedFigures } from './compare.ts';
import { figureLabel, formatNumber } from './format.ts';
import { latencyRows } from './latency-rows.ts';
import { busyWarning, gitState } from './machine.ts';
import type { Report } from './report.ts';
import { checkCount, systemText, thresholdText, verdictTitle } from './verdict-text.ts';

type Style = Parameters<typeof styleText>[0];

/** The report as lines for a terminal, the verdict first. `isColoured`: with ANSI colours. */
export function renderTerminal(report: Report, base: Report | undefined, isColoured: boolean): string {
  const paint = (style: Style, text: string) => (isColoured ? styleText(style, text, { validateStream: false }) : text); // the caller knows the stream
  const parts = [
    heading(report, paint),
    verdict(report, paint),
    base ? comparison(report, base, paint) : figures(report, paint),
    report.latency.length > 1 ? latencies(report) : '',
    ...report.tables.map(({ title, columns, rows }) => `${title}\n${renderTable(columns, rows)}`),
    Object.keys(report.errors).length > 0 ? renderTable(['error', 'count'], Object.entries(report.errors)) : '',
    processes(report),
    ...missedOf(report).map(({ text, value }) => paint('red', `Missed: ${text}, but it is ${value}`)),
  ];
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

const missedOf = ({ thresholds }: Report) => thresholds.filter(({ isMet }) => !isMet);

type Paint = (style: Style, text: string) => string;

function heading({ scenario, settings, elapsedS, machine, isInterrupted, commandLine }: Report, paint: Paint): string {
  const cut = isInterrupted ? ', interrupted' : '';
  const warning = busyWarning(machine);
  return [
    `${scenario}: ${settings.connections} connections, ${elapsedS.toFixed(1)} s${cut} (${systemText(settings)}; ${machine.cores} cores, ${gitState(machine)})`,
    commandLine,
    ...(warning === undefined ? [] : [paint('yellow', `Warning: ${warning}`)]),
    '',
  ].join('\n');
}

function verdict(report: Report, paint: Paint): string {
  const { checks, truth, notAudited } = report.verdict;
  const lines = checks.map(({ name, checked, broken, examples }) => {
    const mark = broken > 0 ? paint('red', '✗') : checked > 0 ? paint('green', '✓') : '–';
    return [
      `  ${mark} ${checkNames[name]}: ${checkCount({ checked, broken })}`,
      ...examples.map((example) => `      ${example}`),
    ].join('\n');
  });
  const isBroken = checks.some(({ broken }) => broken > 0);
  for (const threshold of report.thresholds) {
    lines.push(`  ${threshold.isMet ? paint('green', '✓') : paint('red', '✗')} ${thresholdText(threshold)}`);
  }
  const isMissed = missedOf(report).length > 0;
  const colour = isBroken || isMissed || notAudited !== undefined ? 'red' : 'green';
  const title = paint(colour, verdictTitle({ isBroken, notAudited, isMissed }));
  return `${title} (audited against ${truth})\n${lines.join('\n')}\n`;
}

function figures(report: Report, paint: Paint): string {
  const missed = new Set(missedOf(report).map(({ figure }) => figure));
  const rows = Object.entries(report.figures).map(([name, value]) => {
    const shown = formatNumber(value);
    return [figureLabel(name), missed.has(name) ? paint('red', shown) : shown];
  });
  return renderTable(['', ''], rows, false);
}

const comparison = (report: Report, base: Report, paint: Paint): string =>
  renderTable(
    ['', `base (${base.machine.commit})`, 'this', 'ratio', ''],
    comparedFigures(report, base).map(({ name, base: before, now, ratio, mark }) => [
      figureLabel(name),
      before === undefined ? '–' : formatNumber(before),
      now === undefined ? '–' : formatNumber(now),
      ratio === undefined ? '–' : formatNumber(ratio),
      mark === 'better' || mark === 'worse' ? paint(mark === 'better' ? 'green' : 'red', mark) : (mark ?? ''),
    ]),
  );

const latencies = (report: Report): string =>
  renderTable(['latency (ms)', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'], latencyRows(report));

function processes(report: Report): string {
  return renderTable(
    ['process', 'CPU (% of a core)', 'RSS (MB)', 'event loop p99 (ms)'],
    report.processes.map(({ name, cpuMs, samples }) => {
      const lags = samples.flatMap(({ eventLoopP99Ms }) => eventLoopP99Ms ?? []);
      return [
        name,
        cpuMs / 10 / report.elapsedS,
        Math.max(0, ...samples.map(({ rssBytes }) => rssBytes)) / 1e6,
        lags.length > 0 ? Math.max(...lags) : '–',
      ];
    }),
  );
}

export function renderTable(columns: string[], rows: (string | number)[][], hasHead = true): string {
  const drawn = new Table({
    ...(hasHead && { head: columns }),
    style: { head: [], border: [], compact: true },
    colAligns: columns.map((_, i) => (i === 0 ? 'left' : 'right')),
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: ' ',
      right: '',
      middle: ' ',
    },
  });
  for (const row of rows) drawn.push(row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)));
  return `${drawn.toString()}\n`;
}
