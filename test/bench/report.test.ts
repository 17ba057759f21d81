import { describe, expect, it } from 'vitest';
import { checkNames } from '../../bench/audit/audit.ts';
import { figureLabel, formatNumber } from '../../bench/report/format.ts';
import { renderHtml } from '../../bench/report/html.ts';
import type { Report } from '../../bench/report/report.ts';
import { linearScale, logScale, percentileScale } from '../../bench/report/scale.ts';
import { renderPlot } from '../../bench/report/svg-plot.ts';
import { renderTerminal } from '../../bench/report/terminal.ts';
import { PlaceMissingError, updateDocument } from '../../bench/suite/document.ts';

const second = { ok: 90, refused: 10, error: 0, p50Ms: 1, p99Ms: 9 };
const report: Report = {
  version: 1,
  scenario: 'contend',
  startedAt: '2026-01-01T12:00:00.000Z',
  elapsedS: 10,
  isInterrupted: false,
  settings: {
    connections: 100,
    durationS: 10,
    ratePerSecond: 100,
    seats: 1,
    rows: 10,
    cols: 10,
    holdSeconds: 2,
    bookings: 1,
    edges: 2,
  },
  machine: {
    cpu: 'a cpu',
    cores: 2,
    memoryGiB: 24,
    loadAverage: 0.5,
    os: 'Linux 6',
    versions: { node: '20.20.0' },
    commit: 'abc',
  },
  verdict: { ok: true, truth: 'Redis', checks: [{ name: 'order', checked: 8, broken: 0, examples: [] }] },
  missedThresholds: [],
  figures: { perSecond: 20_000, p99Ms: 12.5 },
  latency: [
    {
      kind: 'all',
      count: 100,
      p50Ms: 1,
      p90Ms: 5,
      p99Ms: 12.5,
      p999Ms: 20,
      maxMs: 30,
      curve: [
        [0, 0.5],
        [50, 1],
        [99, 12.5],
      ],
    },
  ],
  errors: {},
  seconds: [second, second],
  processes: [
    {
      name: 'booking-1',
      cpuMs: 5_000,
      samples: [
        { atS: 1, cpuPercent: 50, rssBytes: 1e8, eventLoopP99Ms: 11 },
        { atS: 2, cpuPercent: 60, rssBytes: 1e8 },
      ],
    },
  ],
  tables: [{ title: 'A table', columns: ['', 'n'], rows: [['row', 1]] }],
  plots: [],
};
const violated: Report = {
  ...report,
  verdict: {
    ...report.verdict,
    ok: false,
    checks: [{ name: 'order', checked: 8, broken: 1, examples: ['A1 <script>alert(1)</script>'] }],
  },
};

describe('the report', () => {
  it('[R210] says the verdict before the figures, in the terminal and on the page', () => {
    for (const text of [renderTerminal(report, undefined, false), renderHtml(report)]) {
      expect(text).toMatch(/nothing wrong/i);
      expect(text.indexOf(checkNames.order)).toBeLessThan(text.indexOf('20,000'));
    }
    for (const text of [renderTerminal(violated, undefined, false), renderHtml(violated)]) {
      expect(text).not.toMatch(/nothing wrong/i);
      expect(text).toMatch(/violations/i);
      expect(text).toContain('1 broken of 8');
    }
  });

  it('[R211] is one page: it asks for nothing, and shows what it was given as text', () => {
    const page = renderHtml(violated, report);
    expect(page).not.toMatch(/<(script|link|img|iframe)\b|@import|url\(|src=/);
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
    expect(page).toContain('&lt;script&gt;');
    expect(page.match(/<svg /g)?.length).toBeGreaterThanOrEqual(4);
  });

  it('[R212] shows two runs side by side, with ratios', () => {
    const base = { ...report, figures: { perSecond: 10_000, gone: 1 } };
    for (const text of [renderTerminal(report, base, false), renderHtml(report, base)]) {
      expect(text).toMatch(/per second\D+10,000\D+20,000\D+2\b/);
      expect(text).toMatch(/gone/);
    }
  });

  it('[R213] writes numbers with three digits and names with their units', () => {
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

  it('[R214] places values on each kind of axis, ends included', () => {
    expect([0, 50, 100].map(linearScale(0, 100).place)).toEqual([0, 0.5, 1]);
    expect([1, 10, 100].map(logScale(1, 100).place)).toEqual([0, 0.5, 1]);
    const { place, ticks } = percentileScale(99.99);
    expect([0, 90, 99, 99.99].map((value) => Number(place(value).toFixed(6)))).toEqual([0, 0.25, 0.5, 1]);
    expect(ticks.map(({ label }) => label)).toContain('99.9 %');
    expect(linearScale(0, 0).place(0)).toBe(0);
  });

  it('[R214] draws every curve inside its frame, and none of nothing', () => {
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

  it('[R215] puts measured tables into their places of a document, and nowhere else', () => {
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
