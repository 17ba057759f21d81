import { describe, expect, it } from 'vitest';
import { checkNames } from '../../bench/audit/audit.ts';
import { commandLine } from '../../bench/options.ts';
import { comparedFigures } from '../../bench/report/compare.ts';
import { figureLabel, formatNumber } from '../../bench/report/format.ts';
import { renderHtml } from '../../bench/report/html.ts';
import type { Report } from '../../bench/report/report.ts';
import { reportPlots } from '../../bench/report/report-plots.ts';
import { linearScale, logScale, percentileScale } from '../../bench/report/scale.ts';
import { renderPlot } from '../../bench/report/svg-plot.ts';
import { renderTerminal } from '../../bench/report/terminal.ts';
import { rushFindings } from '../../bench/scenarios/rush.ts';
import { PlaceMissingError, updateDocument } from '../../bench/suite/document.ts';
import { report } from './report-fixture.ts';

const violated: Report = {
  ...report,
  verdict: {
    ...report.verdict,
    ok: false,
    checks: [{ name: 'order', checked: 8, broken: 1, examples: ['A1 <script>alert(1)</script>'] }],
  },
};

describe('the report', () => {
  it('[R210] [R435] the verdict comes before the figures, in the terminal and on the page', () => {
    for (const text of [renderTerminal(report, undefined, false), renderHtml(report)]) {
      expect(text).toContain('PASSED: no violations');
      expect(text).toContain(': 8 checked');
      expect(text.indexOf(checkNames.order)).toBeLessThan(text.indexOf('20,000'));
    }
    for (const text of [renderTerminal(violated, undefined, false), renderHtml(violated)]) {
      expect(text).not.toContain('PASSED');
      expect(text).toContain('VIOLATIONS');
      expect(text).toContain('1 broken of 8 checked');
    }
  });

  it('[R211] is one self-contained page, and shows data as text', () => {
    const page = renderHtml(violated, report);
    expect(page).not.toMatch(/<(script|link|img|iframe)\b|@import|url\(|src=/);
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
    expect(page).toContain('&lt;script&gt;');
    expect(page.match(/<svg /g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('[R434] [R435] shows why a run could not be audited, and a missed threshold, in red', () => {
    const notAudited = { ...report, verdict: { ...report.verdict, ok: false, notAudited: 'no Redis' } };
    const missed = { ...report, thresholds: [{ text: 'p99<10', figure: 'p99Ms', value: 12.5, isMet: false }] };
    const red = '\u001b[31m';
    expect(renderTerminal(notAudited, undefined, true)).toContain(`${red}COULD NOT AUDIT: no Redis`);
    const terminal = renderTerminal(missed, undefined, true);
    for (const text of ['THRESHOLD MISSED', '12.5', 'Missed: p99<10, but it is 12.5']) {
      expect(terminal).toContain(`${red}${text}`);
    }
    expect(renderTerminal(report, undefined, true)).not.toContain(red);

    const isRed = (page: string, text: string) => new RegExp(`class="bad">[^<]*${text}`).test(page);
    expect(isRed(renderHtml(notAudited), 'COULD NOT AUDIT: no Redis')).toBe(true);
    expect(isRed(renderHtml(missed), 'THRESHOLD MISSED')).toBe(true);
    expect(isRed(renderHtml(missed), '12.5')).toBe(true);
    for (const page of [renderHtml(notAudited), renderHtml(missed)]) {
      expect(page).toContain('class="verdict failed"');
      expect(page).not.toContain('PASSED');
    }
    expect(renderHtml(report)).not.toMatch(/class="bad"|verdict failed/);
  });

  it('[R587] the verdict shows each threshold with its value, met or missed', () => {
    const threshold = { text: 'p99<20', figure: 'p99Ms', value: 12.5, isMet: true };
    const withThreshold = (isMet: boolean) => ({ ...report, thresholds: [{ ...threshold, isMet }] });
    for (const render of [
      (each: Report) => renderTerminal(each, undefined, false),
      (each: Report) => renderHtml(each).replaceAll('&lt;', '<'),
    ]) {
      const [met, missed] = [render(withThreshold(true)), render(withThreshold(false))];
      for (const text of [met, missed]) expect(text).toContain('p99 (ms): 12.5, the threshold is p99<20');
      expect(met).toContain('PASSED: no violations');
      expect(missed).not.toContain('PASSED');
    }
  });

  it('[R437] has the command line, the git state, and a warning if the machine was busy', () => {
    const busy = { ...report, machine: { ...report.machine, loadAverage: 1.4, uncommittedFiles: 3 } };
    for (const render of [
      (each: Report) => renderTerminal(each, undefined, false),
      (each: Report) => renderHtml(each),
    ]) {
      expect(render(report)).toContain('npm run load -- contend');
      expect(render(report)).toContain('commit abc, nothing uncommitted');
      expect(render(report)).not.toContain('Warning');
      expect(render(busy)).toContain('commit abc, 3 uncommitted files');
      expect(render(busy)).toContain('Warning: load average 1.4 on 2 cores before the run');
    }
  });

  it('[R437] the command line has no passwords and can be pasted', () => {
    expect(commandLine(['read', '--redis', 'redis://viewer:secret@h:6379', '--threshold', 'p99<20'])).toBe(
      "npm run load -- read --redis 'redis://viewer:***@h:6379' --threshold 'p99<20'".replace(
        "'redis://viewer:***@h:6379'",
        'redis://viewer:***@h:6379',
      ),
    );
    expect(commandLine(['read', '--redis=rediss://:secret@h', '--html', "it's.html"])).toBe(
      "npm run load -- read --redis=rediss://:***@h --html 'it'\\''s.html'",
    );
  });

  it('[R212] shows two runs side by side, with ratios', () => {
    const base = { ...report, figures: { perSecond: 10_000, gone: 1 } };
    for (const text of [renderTerminal(report, base, false), renderHtml(report, base)]) {
      expect(text).toMatch(/per second\D+10,000\D+20,000\D+2\b/);
      expect(text).toMatch(/gone/);
    }
  });

  it('[R438] compares rates instead of totals, and marks better and worse', () => {
    const figures = {
      perSecond: 100,
      answers: 1_000,
      p99Ms: 10,
      errors: 0,
      delivered: 500,
      refused: 40,
      kneeP99Ms: 50,
    };
    const base = { ...report, elapsedS: 10, figures };
    // Twice as long, so twice the totals: nothing is better or worse.
    const long = { ...figures, answers: 2_000, delivered: 1_000, refused: 80, p99Ms: 10.3 };
    const marks = (of: Record<string, number>, elapsedS = 20) =>
      Object.fromEntries(
        comparedFigures({ ...report, elapsedS, figures: of }, base).map(({ name, mark }) => [name, mark]),
      );
    expect(marks(long)).toEqual({
      perSecond: 'same',
      p99Ms: 'same',
      errorsPerSecond: 'same',
      deliveredPerSecond: 'same',
      refusedPerSecond: undefined,
      kneeP99Ms: 'same',
    });
    expect(marks({ ...long, perSecond: 120, p99Ms: 20, errors: 1, delivered: 600, kneeP99Ms: 40 })).toMatchObject({
      perSecond: 'better',
      p99Ms: 'worse',
      errorsPerSecond: 'worse',
      deliveredPerSecond: 'worse',
      kneeP99Ms: 'better',
    });
    const now = { ...report, figures: { perSecond: 200, p99Ms: 20 } };
    for (const text of ['\u001b[32mbetter', '\u001b[31mworse']) {
      expect(renderTerminal(now, base, true)).toContain(text);
    }
    for (const text of ['class="good">better<', 'class="bad">worse<']) expect(renderHtml(now, base)).toContain(text);
  });

  it('[R213] numbers have three significant digits, names have units', () => {
    expect([0, 0.01234, 1.234, 45.67, 987.6, 12_345.6, 12, Number.NaN].map(formatNumber)).toEqual([
      '0',
      '0.0123',
      '1.23',
      '45.7',
      '988',
      '12,350',
      '12',
      '–',
    ]);
    expect(['p99Ms', 'serverCpuUsPerAnswer', 'perSecond'].map(figureLabel)).toEqual([
      'p99 (ms)',
      'server CPU per answer (µs)',
      'per second',
    ]);
  });

  it('[R214] each kind of axis places values, ends included', () => {
    expect([0, 50, 100].map(linearScale(0, 100).place)).toEqual([0, 0.5, 1]);
    expect([1, 10, 100].map(logScale(1, 100).place)).toEqual([0, 0.5, 1]);
    const { place, ticks } = percentileScale(99.99);
    expect([0, 90, 99, 99.99].map((value) => Number(place(value).toFixed(6)))).toEqual([0, 0.25, 0.5, 1]);
    expect(ticks.map(({ label }) => label)).toContain('99.9 %');
    expect(linearScale(0, 0).place(0)).toBe(0);
  });

  it('[R214] each curve is inside its frame, and an empty one is left out', () => {
    const svg = renderPlot({
      title: 'T',
      xLabel: 'x',
      yLabel: 'y',
      series: [
        {
          name: 'a',
          points: [
            [0, 1],
            [5, 1000],
          ],
        },
        { name: 'none', points: [] },
      ],
    });
    const coordinates = [...svg.matchAll(/c[xy]="([^"]+)"/g)].map(([, value]) => Number(value));
    expect(coordinates).toHaveLength(4);
    for (const value of coordinates) expect(value >= 0 && value <= 560).toBe(true);
    expect(svg).not.toContain('none</text>');
    expect(svg).not.toContain('NaN');
  });

  it('[R436] the knee and the limit of a rush are drawn inside the plot', () => {
    const step = (offeredPerSecond: number, p99Ms: number) => ({
      offeredPerSecond,
      answeredPerSecond: offeredPerSecond,
      p50Ms: 1,
      p99Ms,
      sendLateP99Ms: 1,
      isSustained: p99Ms <= 100,
    });
    const [plot] = rushFindings([step(500, 5), step(1_000, 20)]).plots ?? [];
    if (!plot) throw new Error('there is no plot');
    const svg = renderPlot(plot);
    expect(svg).toContain('knee: 1,000/s');
    expect(svg).toContain('limit: p99 100 ms');
    // The limit is above every point: the axis includes it.
    const [limitAtPx] = [...svg.matchAll(/class="marker" d="M0 ([\d.]+)H/g)].map(([, at]) => Number(at));
    const pointsAtPx = [...svg.matchAll(/cy="([^"]+)"/g)].map(([, at]) => Number(at));
    expect(limitAtPx).toBeGreaterThanOrEqual(0);
    expect(limitAtPx).toBeLessThan(Math.min(...pointsAtPx));
    const kneeAtPx = [...svg.matchAll(/class="marker" d="M([\d.]+) 0V/g)].map(([, at]) => at);
    const lastAtPx = [...svg.matchAll(/cx="([^"]+)"/g)].map(([, at]) => at).at(-1);
    expect(kneeAtPx).toEqual([lastAtPx]);
    const [none] = rushFindings([step(500, 500)]).plots ?? [];
    expect(none?.markers?.map(({ axis }) => axis)).toEqual(['y']);
  });

  it('[R439] a process has one colour in all plots, and a curve the colour of the earlier run', () => {
    const [first, second] = [{ ...report.processes[0], name: 'redis' }, report.processes[0]] as Report['processes'];
    // Redis has no event loop: it is missing in one plot.
    const samples = first?.samples.map(({ eventLoopP99Ms: _none, ...sample }) => sample) ?? [];
    const both = { ...report, processes: [{ ...first, samples }, second] as Report['processes'] };
    const two = both.processes[1]?.samples.map((sample) => ({ ...sample, eventLoopP99Ms: 5 })) ?? [];
    const plots = reportPlots(
      { ...both, processes: [both.processes[0], { ...second, samples: two }] as never },
      report,
    );
    const coloursOf = (name: string) =>
      new Set(plots.flatMap(({ series }) => series.filter((each) => each.name === name).map(({ colour }) => colour)));
    expect(coloursOf('booking-1')).toEqual(new Set([1]));
    expect(coloursOf('redis')).toEqual(new Set([0]));
    const latency = plots.find(({ title }) => title === 'Latency by percentile')?.series;
    expect(latency).toMatchObject([
      { name: 'all', colour: 0 },
      { name: 'all (base)', colour: 0, isDashed: true },
    ]);
  });

  it('[R215] measured tables go into their places of a document, and nowhere else', () => {
    const text =
      '# T\nmine\n<!-- bench:machine -->\nold\n<!-- /bench:machine -->\n<!-- bench:read -->\nold\n<!-- /bench:read -->\nend\n';
    const section = {
      name: 'read',
      tables: [{ title: 'Reads', columns: ['', 'n'], rows: [['ours', 1_234]] }],
      targets: [{ text: 'enough ≥ 1', value: 2, isMet: true }],
      violations: [],
    };
    const once = updateDocument(text, report.machine, [section]);
    expect(once).toContain('| ours | 1,234 |');
    expect(once).toContain('✓ enough ≥ 1: 2');
    expect(once).not.toContain('old');
    expect(once.startsWith('# T\nmine\n') && once.endsWith('end\n')).toBe(true);
    expect(updateDocument(once, report.machine, [section])).toBe(once);
    expect(() => updateDocument(text, report.machine, [{ ...section, name: 'other' }])).toThrow(PlaceMissingError);
  });
});
