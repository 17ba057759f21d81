import type { ServiceSpec } from './service-process.ts';
import type { ServiceUser } from './service-user.ts';

/** The servers that are not ours. */
export type ServerProgram = 'redis-server' | 'nats-server' | 'nginx';

export interface ServerRun {
  args: string[];
  /** Absolute; each keeps its path wherever the server runs. */
  folders: string[];
  /** Where the machine shall reach it. */
  listens: { host: string; port: number }[];
  /** Absent: the user of the launcher. */
  user?: ServiceUser | undefined;
}

/** Where Redis, NATS and nginx come from. */
export interface ServerOrigin {
  description: string;
  isContainer: boolean;
  /** What a server has to bind to be reached at this address of the machine. */
  bindHost(host: string): string;
  /** By what name a server reaches a process of the machine. */
  machineHost: string;
  command(program: ServerProgram, run: ServerRun): Pick<ServiceSpec, 'command' | 'cleanUp' | 'user' | 'ports'>;
}

/** Nothing of this kind can be had here; the message says why. */
export class ServersMissingError extends Error {
  override name = 'ServersMissingError';
}
