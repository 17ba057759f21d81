import { checkNames } from '../audit/audit.ts';
import type { Table } from '../scenarios/scenario.ts';
import { comparedFigures } from './compare.ts';
import { figureLabel, formatNumber } from './format.ts';
import { latencyRows } from './latency-rows.ts';
import { busyWarning, gitState } from './machine.ts';
import { escapeXml } from './plot-area.ts';
import type { Report } from './report.ts';
import { reportPlots } from './report-plots.ts';
import { renderPlot } from './svg-plot.ts';
import { checkCount, systemText, thresholdText, verdictTitle } from './verdict-text.ts';

/** The report as one self-contained page: no script, no font, no request. */
export function renderHtml(report: Report, base?: Report): string {
  const { scenario, startedAt, machine, commandLine } = report;
  const warning = busyWarning(machine);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(scenario)} · load report</title>
<style>${style}</style>
<header>
<h1>${escapeXml(scenario)}</h1>
<p>${escapeXml(describe(report))}</p>
<p><code>${escapeXml(commandLine)}</code></p>
<p class="faint">${escapeXml(`${startedAt.replace('T', ' ').slice(0, 19)} UTC · ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, load average ${formatNumber(machine.loadAverage)} · ${gitState(machine)}`)}</p>
${warning === undefined ? '' : `<p class="warning">Warning: ${escapeXml(warning)}</p>`}
</header>
<main>
${verdict(report)}
<section><h2>Figures</h2>${figures(report, base)}</section>
<section class="plots">${reportPlots(report, base)
    .map((plot) => `<figure><figcaption>${escapeXml(plot.title)}</figcaption>${renderPlot(plot)}</figure>`)
    .join('\n')}</section>
${[...report.tables, latencyTable(report), errorTable(report), processTable(report), settingsTable(report)]
  .filter(({ rows }) => rows.length > 0)
  .map(table)
  .join('\n')}
</main>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --text: #1b2330; --faint: #5b6676; --line: #dde2e9; --good: #0a7d46; --bad: #c2261d; --warning: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161c; --card: #1b212a; --text: #e6eaf0; --faint: #9aa6b5; --line: #313a46; --good: #4cc38a; --bad: #ff7a70; --warning: #e0b04a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 24px 16px 48px; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 28px; } h2 { margin: 0 0 8px; font-size: 17px; } header p { margin: 2px 0; }
.faint { color: var(--faint); } .warning { color: var(--warning); font-weight: 600; } code { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; margin-top: 16px; overflow-x: auto; }
.verdict { border-left: 6px solid var(--good); } .verdict.failed { border-left-color: var(--bad); }
.verdict ul { list-style: none; margin: 8px 0 0; padding: 0; } .verdict li { display: grid; grid-template-columns: 1.4em 1fr; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0; font-size: 12px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr)); gap: 16px; background: none; border: 0; padding: 0; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px; } figcaption { padding: 4px 6px 6px; font-weight: 600; } svg { display: block; width: 100%; height: auto; overflow: visible; }
.band { outline: none; } .tip { visibility: hidden; pointer-events: none; } .tip-box { fill: var(--card); stroke: var(--line); }
.band:hover .tip, .plots:not(:hover) .band:focus .tip { visibility: visible; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: 3px 14px 3px 0; text-align: right; white-space: nowrap; } th { color: var(--faint); font-weight: 500; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(118px, 1fr)); gap: 12px 16px; margin: 0; } dt { color: var(--faint); font-size: 13px; } dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
@media (max-width: 480px) { body { padding: 16px 8px 32px; } section { padding: 12px; } th, td { padding-right: 10px; } }
`;

function describe({ settings, elapsedS, isInterrupted }: Report): string {
  return `${settings.connections} connections, ${elapsedS.toFixed(1)} s${isInterrupted ? ', interrupted' : ''} · ${systemText(settings)}`;
}

function verdict({ verdict: { truth, checks, notAudited }, thresholds }: Report): string {
  const isBroken = checks.some(({ broken }) => broken > 0);
  const items = checks.map(({ name, checked, broken, examples }) => {
    const mark =
      broken > 0 ? '<span class="bad">✗</span>' : checked > 0 ? '<span class="good">✓</span>' : '<span>–</span>';
    const shown = examples.map((example) => `<pre>${escapeXml(example)}</pre>`).join('');
    return `<li>${mark}<div>${escapeXml(checkNames[name])}: ${checkCount({ checked, broken })}${shown}</div></li>`;
  });
  const bounds = thresholds.map((threshold) => {
    const text = escapeXml(thresholdText(threshold));
    return threshold.isMet
      ? `<li><span class="good">✓</span><div>${text}</div></li>`
      : `<li class="bad"><span>✗</span><div>${text}</div></li>`;
  });
  const isMissed = thresholds.some(({ isMet }) => !isMet);
  const isFailed = isBroken || notAudited !== undefined || isMissed;
  const title = escapeXml(verdictTitle({ isBroken, notAudited, isMissed }));
  return `<section class="verdict${isFailed ? ' failed' : ''}"><h2><span class="${isFailed ? 'bad' : 'good'}">${title}</span> <span class="faint">audited against ${truth}</span></h2><ul>${[...bounds, ...items].join('')}</ul></section>`;
}

function figures(report: Report, base: Report | undefined): string {
  if (!base) {
    const missed = new Set(report.thresholds.filter(({ isMet }) => !isMet).map(({ figure }) => figure));
    const items = Object.entries(report.figures).map(
      ([name, value]) =>
        `<div><dt>${escapeXml(figureLabel(name))}</dt><dd${missed.has(name) ? ' class="bad"' : ''}>${formatNumber(value)}</dd></div>`,
    );
    return `<dl>${items.join('')}</dl>`;
  }
  const shown = (value: number | undefined) => (value === undefined ? '–' : formatNumber(value));
  const rows = comparedFigures(report, base).map(({ name, base: before, now, ratio, mark }) => {
    const cells = [escapeXml(figureLabel(name)), shown(before), shown(now), shown(ratio)];
    const tone = mark === 'better' ? ' class="good"' : mark === 'worse' ? ' class="bad"' : '';
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}<td${tone}>${mark ?? ''}</td></tr>`;
  });
  const columns = ['', `base (${base.machine.commit})`, 'this', 'ratio', ''];
  return `<table>${headOf(columns)}${rows.join('')}</table>`;
}

const latencyTable = (report: Report): Table => ({
  title: 'Latency (ms)',
  columns: ['', 'count', 'p50', 'p90', 'p99', 'p99.9', 'max'],
  rows: latencyRows(report),
});

const errorTable = ({ errors }: Report): Table => ({
  title: 'Errors',
  columns: ['', 'count'],
  rows: Object.entries(errors),
});

const processTable = ({ processes, elapsedS }: Report): Table => ({
  title: 'Processes',
  columns: ['', 'CPU (% of a core)', 'RSS (MB)'],
  rows: processes.map(({ name, cpuMs, samples }) => [
    name,
    cpuMs / 10 / elapsedS,
    Math.max(0, ...samples.map(({ rssBytes }) => rssBytes)) / 1e6,
  ]),
});

const settingsTable = ({ settings, machine }: Report): Table => ({
  title: 'Settings and versions',
  columns: ['', ''],
  rows: [
    ...Object.entries(settings).map(([name, value]) => [name, typeof value === 'number' ? value : String(value)]),
    ['os', machine.os],
    ...Object.entries(machine.versions),
  ],
});

const headOf = (columns: string[]): string =>
  columns.some((column) => column !== '')
    ? `<tr>${columns.map((column) => `<th>${escapeXml(column)}</th>`).join('')}</tr>`
    : '';

const table = (each: Table): string => `<section><h2>${escapeXml(each.title)}</h2>${tableOf(each)}</section>`;

function tableOf({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const cell = (value: string | number) => escapeXml(typeof value === 'number' ? formatNumber(value) : value);
  return `<table>${headOf(columns)}${rows.map((row) => `<tr>${row.map((value) => `<td>${cell(value)}</td>`).join('')}</tr>`).join('')}</table>`;
}
