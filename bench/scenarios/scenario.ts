import type { Auditor } from '../audit/auditor.ts';
import type { ClientContext } from '../clients/client-context.ts';
import type { Protocol } from '../sockets/crowd.ts';
import type { VenueUnderLoad } from '../venue/venue-under-load.ts';

export interface LoadSettings {
  /** Id of the show; undefined: the default one. */
  show?: string | undefined;
  /** Of the sockets that watch. */
  protocol: Protocol;
  /** `groups`: the server chooses the seats. */
  isBest: boolean;
  connections: number;
  durationS: number;
  /** Events per second of `fanout`, `reconnect` and `soak`; the first step of `rush`. */
  ratePerSecond: number;
  /** The number of seats that everyone wants in `contend`. */
  seats: number;
  /** Of the default show of a system that the run starts. */
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

export interface Series {
  name: string;
  points: [x: number, y: number][];
  /** Series with the same number have the same colour in every plot; default: the place in the plot. */
  colour?: number;
  isDashed?: boolean;
}

/** A line across a plot. */
export interface Marker {
  axis: 'x' | 'y';
  value: number;
  label: string;
}

/** One or several curves of one unit. */
export interface Plot {
  title: string;
  xLabel: string;
  yLabel: string;
  isLogY?: boolean;
  /** `percentile`: 50, 90, 99, 99.9 … are equally far apart. */
  xScale?: 'linear' | 'log' | 'percentile';
  series: Series[];
  markers?: Marker[];
}

/** Results of one scenario, besides those of every scenario (answers, latencies, processes). */
export interface Findings {
  /** By name, with the unit in it. `--threshold` and `--compare` use these names. */
  figures: Record<string, number>;
  tables?: Table[];
  plots?: Plot[];
}

export interface ScenarioContext extends ClientContext {
  venue: VenueUnderLoad;
  settings: LoadSettings;
  auditor: Auditor;
  /** Ctrl-C: the scenario ends as soon as it can, and returns the results so far. */
  signal: AbortSignal;
  /** Between 0 and 1. */
  onProgress: (done: number, doing?: string) => void;
}

export interface Scenario {
  name: string;
  /** One line for `--help`. */
  summary: string;
  defaults: Partial<LoadSettings>;
  /** The show is sold by orders: a system that is started has a ledger and the sandbox. */
  sellsByOrders?: true;
  /** With `--best`; undefined: the scenario has no such mode. */
  best?: { defaults: Partial<LoadSettings>; thresholds: string[] };
  run(context: ScenarioContext): Promise<Findings>;
}
