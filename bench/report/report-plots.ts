import type { ProcessSample } from '../measure/process-monitor.ts';
import type { Plot, Series } from '../scenarios/scenario.ts';
import type { Report } from './report.ts';

/** The plots of the scenario, then those of every report. Curves of an earlier run are dashed. */
export function reportPlots(report: Report, base: Report | undefined): Plot[] {
  const plots = [
    ...withBase(report.plots, base?.plots),
    latencyCurve(report, base),
    answers(report),
    latencyOverTime(report),
    processes(report, 'CPU', '% of a core', ({ cpuPercent }) => cpuPercent),
    processes(report, 'Memory (RSS)', 'MB', ({ rssBytes }) => rssBytes / 1e6),
    processes(report, 'Event-loop delay, p99 of each second', 'ms', ({ eventLoopP99Ms }) => eventLoopP99Ms),
  ];
  return plots.filter(({ series }) => series.some(({ points }) => points.length > 1));
}

function withBase(plots: Plot[], basePlots: Plot[] = []): Plot[] {
  return plots.map((plot) => {
    const earlier = basePlots.find(({ title }) => title === plot.title)?.series ?? [];
    return { ...plot, series: [...plot.series.map(coloured), ...earlier.map(coloured).map(asBase)] };
  });
}

/** A curve keeps its colour beside the one of the earlier run. */
const coloured = (series: Series, index: number): Series => ({ colour: index, ...series });
const asBase = (series: Series): Series => ({ ...series, name: `${series.name} (base)`, isDashed: true });

function latencyCurve({ latency }: Report, base: Report | undefined): Plot {
  const earlier = base?.latency[0];
  return {
    title: 'Latency by percentile',
    xLabel: 'share of answers',
    yLabel: 'ms',
    isLogY: true,
    xScale: 'percentile',
    series: [
      ...latency.map(({ kind, curve }, index) => ({ name: kind, points: curve, colour: index })),
      ...(earlier ? [asBase({ name: earlier.kind, points: earlier.curve, colour: 0 })] : []),
    ],
  };
}

function answers({ seconds }: Report): Plot {
  const kinds = (['ok', 'refused', 'error'] as const).filter((kind) => seconds.some((second) => second[kind] > 0));
  return {
    title: 'Answers',
    xLabel: 's',
    yLabel: 'per second',
    series: kinds.map((name) => ({ name, points: seconds.map((second, index) => [index + 1, second[name]]) })),
  };
}

function latencyOverTime({ seconds }: Report): Plot {
  const answered = seconds.flatMap((second, index) =>
    second.ok + second.refused > 0 ? [{ ...second, atS: index + 1 }] : [],
  );
  return {
    title: 'Latency over time',
    xLabel: 's',
    yLabel: 'ms',
    series: [
      { name: 'p50', points: answered.map(({ atS, p50Ms }) => [atS, p50Ms]) },
      { name: 'p99', points: answered.map(({ atS, p99Ms }) => [atS, p99Ms]) },
    ],
  };
}

function processes(
  report: Report,
  title: string,
  yLabel: string,
  of: (sample: ProcessSample) => number | undefined,
): Plot {
  return {
    title,
    xLabel: 's',
    yLabel,
    series: report.processes.map(({ name, samples }, index) => ({
      name,
      colour: index, // the same in every plot, also if one of them lacks a process
      points: samples.flatMap((sample): [number, number][] => {
        const value = of(sample);
        return value === undefined ? [] : [[sample.atS, value]];
      }),
    })),
  };
}
