import type { Report } from './report.ts';

/** A row for each kind of latency: name, count, p50, p90, p99, p99.9 and maximum, in ms. */
export const latencyRows = ({ latency }: Pick<Report, 'latency'>): (string | number)[][] =>
  latency.map(({ kind, count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs }) => [
    kind,
    count,
    p50Ms,
    p90Ms,
    p99Ms,
    p999Ms,
    maxMs,
  ]);
