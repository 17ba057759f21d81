import type { ClientLog } from '../audit/client-log.ts';
import type { Recorder } from '../measure/recorder.ts';

/** The shared parts of all simulated clients. */
export interface ClientContext {
  recorder: Recorder;
  log: ClientLog;
  /** Id of the show whose seats they want. */
  show: string;
  /** A user id that is unique across all clients and runs. */
  newUserId: () => string;
}
