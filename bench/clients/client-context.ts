import type { ClientLog } from '../audit/client-log.ts';
import type { Recorder } from '../measure/recorder.ts';

/** What every simulated client writes to. */
export interface ClientContext {
  recorder: Recorder;
  log: ClientLog;
  /** A user that nobody else of this or another run is. */
  newUserId: () => string;
}
