import { randomBytes } from 'node:crypto';
import { present } from '../src/process/present.ts';
import { Auditor } from './audit/auditor.ts';
import { ClientLog } from './audit/client-log.ts';
import { latencySummaries } from './measure/latency-summary.ts';
import { median } from './measure/median.ts';
import { ProcessMonitor } from './measure/process-monitor.ts';
import { Recorder } from './measure/recorder.ts';
import type { Machine } from './report/machine.ts';
import type { Report } from './report/report.ts';
import type { LoadSettings, Scenario } from './scenarios/scenario.ts';
import type { VenueUnderLoad } from './venue/venue-under-load.ts';

export interface RunOptions {
  scenario: Scenario;
  settings: LoadSettings;
  venue: VenueUnderLoad;
  /** Of a given venue. */
  url?: string | undefined;
  /** As it was before the venue was started. */
  machine: Machine;
  commandLine: string;
  signal: AbortSignal;
  onProgress?: (done: number, doing?: string) => void;
}

/** Loads the venue, audits the run, and returns the report. */
export async function runScenario(options: RunOptions): Promise<Report> {
  const { scenario, settings, venue, url, machine, commandLine, signal, onProgress = () => {} } = options;
  const runId = randomBytes(4).toString('hex');
  let users = 0;
  const log = new ClientLog();
  const recorder = new Recorder();
  const isOwnUser = (userId: string) => userId.startsWith(`load-${runId}-`);
  const auditor = await Auditor.begin(venue, log, isOwnUser, { sellsByOrders: scenario.sellsByOrders ?? false });
  const monitor = new ProcessMonitor(venue.processes);
  const startedAt = new Date().toISOString();
  await monitor.start();
  recorder.start();
  const findings = await scenario.run({
    venue,
    settings,
    recorder,
    log,
    show: venue.show,
    auditor,
    signal,
    onProgress,
    newUserId: () => `load-${runId}-${users++}`,
  });
  recorder.stop();
  const processes = await monitor.stop();
  onProgress(1, 'waiting for the last holds to expire, then auditing');
  const verdict = await auditor.finish();
  const latency = latencySummaries(recorder);
  return {
    version: 1,
    scenario: scenario.name,
    startedAt,
    commandLine,
    elapsedS: recorder.elapsedS,
    isInterrupted: signal.aborted,
    settings: { ...settings, ...(url !== undefined && { url }) },
    machine,
    verdict: {
      ok: verdict.ok,
      truth: auditor.truth.source,
      checks: verdict.checks,
      ...(verdict.notAudited !== undefined && { notAudited: verdict.notAudited }),
    },
    thresholds: [],
    figures: {
      ...commonFigures(recorder, processes),
      ...(latency[0] && latencyFigures(latency[0])),
      ...expiryFigures(verdict.expiryLatenessMs),
      ...memoryFigures(processes),
      ...findings.figures,
    },
    latency,
    errors: Object.fromEntries(recorder.errors),
    seconds: recorder.seconds,
    processes,
    tables: findings.tables ?? [],
    plots: findings.plots ?? [],
  };
}

function commonFigures(
  { answers, totals, elapsedS }: Recorder,
  processes: Report['processes'],
): Record<string, number> {
  if (answers === 0) return { errors: totals.error };
  const serverCpuMs = processes.filter(({ name }) => name !== 'loader').reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  return {
    perSecond: answers / elapsedS,
    answers,
    refused: totals.refused,
    errors: totals.error,
    serverCpuUsPerAnswer: (serverCpuMs * 1000) / answers,
  };
}

function latencyFigures({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: Report['latency'][number]): Record<string, number> {
  return { p50Ms, p90Ms, p99Ms, p999Ms, maxMs };
}

/** How late holds expired. */
function expiryFigures(latenessMs: number[]): Record<string, number> {
  if (latenessMs.length === 0) return {};
  const sorted = [...latenessMs].sort((a, b) => a - b);
  const at = (share: number) => present(sorted[Math.ceil(sorted.length * share) - 1], 'a percentile');
  return { expired: sorted.length, expiryLateP99Ms: at(0.99), expiryLateMaxMs: at(1) };
}

/** The largest growth of a server process, from the first fifth of the run to the last. */
function memoryFigures(processes: Report['processes']): Record<string, number> {
  const growth = processes
    .filter(({ name, samples }) => name !== 'loader' && samples.length >= 10)
    .map(({ samples }) => {
      const fifth = Math.floor(samples.length / 5);
      const rss = samples.map(({ rssBytes }) => rssBytes);
      return median(rss.slice(-fifth)) - median(rss.slice(0, fifth));
    });
  return growth.length > 0 ? { mostGrownRssBytes: Math.max(...growth) } : {};
}
