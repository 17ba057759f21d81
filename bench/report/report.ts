import { isObject } from '../../src/process/is-object.ts';
import type { Check } from '../audit/audit.ts';
import type { LatencySummary } from '../measure/latency-summary.ts';
import type { ProcessFigures } from '../measure/process-monitor.ts';
import type { Second } from '../measure/recorder.ts';
import type { LoadSettings, Plot, Table } from '../scenarios/scenario.ts';
import type { Machine } from './machine.ts';
import type { CheckedThreshold } from './threshold.ts';

/** All results of a run, as written to `report.json`. */
export interface Report {
  version: 1;
  scenario: string;
  startedAt: string;
  /** As it was typed, without passwords. */
  commandLine: string;
  elapsedS: number;
  /** Ctrl-C ended the run early. */
  isInterrupted: boolean;
  settings: LoadSettings & { url?: string };
  machine: Machine;
  verdict: { ok: boolean; truth: string; checks: Check[]; notAudited?: string };
  thresholds: CheckedThreshold[];
  /** By name, with the unit in it. */
  figures: Record<string, number>;
  /** By kind of request, and `all`. */
  latency: LatencySummary[];
  errors: Record<string, number>;
  seconds: Second[];
  processes: ProcessFigures[];
  tables: Table[];
  plots: Plot[];
}

export class UnreadableReportError extends Error {
  override name = 'UnreadableReportError';
}

/** The report in a file that `--json` wrote. Throws an `UnreadableReportError`. */
export function parseReport(text: string): Report {
  try {
    const value: unknown = JSON.parse(text);
    if (isReport(value)) return value;
  } catch {
    // The error below contains the reason.
  }
  throw new UnreadableReportError('--compare needs a report that --json wrote with this version');
}

const isReport = (value: unknown): value is Report =>
  isObject(value) &&
  value.version === 1 &&
  isObject(value.figures) &&
  isObject(value.machine) &&
  Array.isArray(value.processes);
