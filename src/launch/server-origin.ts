import type { ServiceSpec } from './service-process.ts';
import type { ServiceUser } from './service-user.ts';

/** The third-party servers. */
export type ServerProgram = 'redis-server' | 'nats-server' | 'nginx' | 'postgres' | 'initdb';

export interface ServerRun {
  args: string[];
  /** Absolute paths; a container mounts each at the same path. */
  folders: string[];
  /** Files that a container has at another path than this machine. */
  filesInContainer?: { path: string; at: string }[];
  /** Addresses at which this machine reaches it. */
  listens: { host: string; port: number }[];
  /** Absent: the user of the launcher. */
  user?: ServiceUser | undefined;
}

/** A source of Redis, NATS, Postgres and nginx: Docker or this machine. */
export interface ServerOrigin {
  description: string;
  isContainer: boolean;
  /** The address that a server must bind to be reachable at this address of the machine. */
  bindHost(host: string): string;
  /** The host name by which a server reaches a process of the machine. */
  machineHost: string;
  command(program: ServerProgram, run: ServerRun): Pick<ServiceSpec, 'command' | 'cleanUp' | 'user' | 'ports'>;
}

/** No servers from this origin; the message has the reason. */
export class ServersMissingError extends Error {
  override name = 'ServersMissingError';
}
