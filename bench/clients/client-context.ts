import type { ClientLog } from '../audit/client-log.ts';
import type { Recorder } from '../measure/recorder.ts';
import type { ShowUnderLoad } from '../venue/show-under-load.ts';

/** The shared parts of all simulated clients. */
export interface ClientContext {
  recorder: Recorder;
  log: ClientLog;
  /** They want its seats. */
  show: ShowUnderLoad;
  /** A user id that is unique across all clients and runs. */
  newUserId: () => string;
}
