import type { MonitoredProcess } from '../measure/process-monitor.ts';
import type { ShowUnderLoad } from './show-under-load.ts';

/** The system that a scenario loads, started for it or given by `--url`. */
export interface VenueUnderLoad {
  show: ShowUnderLoad;
  /** The URLs for commands and reads; connections use them in turn. */
  apiUrls: string[];
  /** The URLs for WebSockets: edges, or nginx. */
  edgeUrls: string[];
  /** If given, the audit reads Redis itself, not only the HTTP API. */
  redisUrl: string | undefined;
  /** Of the ledger, for the audit of a show that is sold by orders. */
  databaseUrl?: string | undefined;
  processes: MonitoredProcess[];
  /** Only for a system that the run started. */
  own?: OwnVenueControl;
  stop(): Promise<void>;
}

interface OwnVenueControl {
  natsUrl: string;
  /** Sends SIGKILL, like a crash. `index`: position in `edgeUrls`. */
  killEdge(index: number): Promise<void>;
  restartEdge(index: number): Promise<void>;
}
