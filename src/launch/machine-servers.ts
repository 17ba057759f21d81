import { installWithApt } from './apt.ts';
import { findExecutable } from './find-executable.ts';
import { type ServerOrigin, type ServerProgram, ServersMissingError } from './server-origin.ts';

/** Servers installed on this machine; what is missing is installed, where apt can. */
export async function findMachineServers(
  needed: ServerProgram[],
  logFile: string,
  signal: AbortSignal,
): Promise<ServerOrigin> {
  const missing = needed.filter((program) => !findExecutable(program));
  if (missing.length > 0) await installWithApt(missing, logFile, signal);
  const paths = new Map(needed.map((program) => [program, findExecutable(program)]));
  return {
    description: 'this machine',
    bindHost: (host) => host,
    machineHost: '127.0.0.1',
    command(program, { args }) {
      const path = paths.get(program);
      if (!path) throw new ServersMissingError(`${program} is not on this machine`);
      return { command: [path, ...args] };
    },
  };
}
