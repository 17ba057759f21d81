import type { Histogram } from 'hdr-histogram-js';
import { percentileMs, type Recorder } from './recorder.ts';

export interface LatencySummary {
  kind: string;
  count: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  /** [percentile, ms], for the plot. */
  curve: [percentile: number, ms: number][];
}

/** `all` first, then by kind of request. */
export function latencySummaries({ latency, byKind }: Recorder): LatencySummary[] {
  if (latency.totalCount === 0) return [];
  const kinds = [...byKind].map(([kind, histogram]) => summarise(kind, histogram));
  return [summarise('all', latency), ...(kinds.length > 1 ? kinds : [])];
}

/** From the median to one in a million; each step halves the distance to 100 %. */
const curvePercentiles = [0, 25, ...Array.from({ length: 20 }, (_, i) => 100 - 50 / 2 ** i)];

export function summarise(kind: string, histogram: Histogram): LatencySummary {
  const at = (percentile: number) => percentileMs(histogram, percentile);
  const percentiles = curvePercentiles.filter((percentile) => histogram.totalCount * (1 - percentile / 100) >= 1);
  return {
    kind,
    count: histogram.totalCount,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.maxValue / 1000,
    curve: percentiles.map((percentile) => [percentile, at(percentile)]),
  };
}
