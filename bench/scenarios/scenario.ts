import type { Auditor } from '../audit/auditor.ts';
import type { ClientContext } from '../clients/client-context.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';

export interface LoadSettings {
  connections: number;
  durationS: number;
  /** Events per second of `fanout`, `reconnect` and `soak`; the first step of `rush`. */
  ratePerSecond: number;
  /** How many seats `contend` is about. */
  seats: number;
  /** Of a venue that is started for the run. */
  rows: number;
  cols: number;
  holdSeconds: number;
  bookings: number;
  edges: number;
}

/** A table of its own in the report. */
export interface Table {
  title: string;
  columns: string[];
  rows: (string | number)[][];
}

/** A curve, or several of one unit. */
export interface Plot {
  title: string;
  xLabel: string;
  yLabel: string;
  isLogY?: boolean;
  /** `percentile`: 50, 90, 99, 99.9 … are equally far apart. */
  xScale?: 'linear' | 'log' | 'percentile';
  series: { name: string; points: [x: number, y: number][] }[];
}

/** What a scenario has to tell besides what every one does (answers, latencies, processes). */
export interface Findings {
  /** By name, with the unit in it: what `--threshold` can ask for and `--compare` compares. */
  figures: Record<string, number>;
  tables?: Table[];
  plots?: Plot[];
}

export interface ScenarioContext extends ClientContext {
  venue: VenueUnderLoad;
  settings: LoadSettings;
  auditor: Auditor;
  /** Ctrl-C: the scenario ends as soon as it can, and tells what there is. */
  signal: AbortSignal;
  /** Between 0 and 1. */
  onProgress: (done: number, doing?: string) => void;
}

export interface Scenario {
  name: string;
  /** One line for `--help`. */
  summary: string;
  defaults: Partial<LoadSettings>;
  run(context: ScenarioContext): Promise<Findings>;
}
