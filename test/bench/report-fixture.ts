import type { Report } from '../../bench/report/report.ts';

const second = { ok: 90, refused: 10, error: 0, p50Ms: 1, p99Ms: 9 };
/** A run without violations. */
export const report: Report = {
  version: 1,
  scenario: 'contend',
  startedAt: '2026-01-01T12:00:00.000Z',
  commandLine: 'npm run load -- contend',
  elapsedS: 10,
  isInterrupted: false,
  settings: {
    isBest: false,
    protocol: 'v1',
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
    uncommittedFiles: 0,
  },
  verdict: { ok: true, truth: 'Redis', checks: [{ name: 'order', checked: 8, broken: 0, examples: [] }] },
  thresholds: [],
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
