import type { MonitoredProcess } from '../measure/process-monitor.ts';

/** The system that a scenario loads, started for it or given by `--url`. */
export interface VenueUnderLoad {
  /** Where commands and reads go; several: connections take turns. */
  apiUrls: string[];
  /** Where WebSockets go: edges, or nginx. */
  edgeUrls: string[];
  /** Where it is given, the audit reads Redis itself and not only what HTTP tells of it. */
  redisUrl: string | undefined;
  processes: MonitoredProcess[];
  /** Only of a system that was started here. */
  own?: OwnVenueControl;
  stop(): Promise<void>;
}

interface OwnVenueControl {
  natsUrl: string;
  /** SIGKILL, as a crash. Its index is that in `edgeUrls`. */
  killEdge(index: number): Promise<void>;
  restartEdge(index: number): Promise<void>;
}
