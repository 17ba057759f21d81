import { findDockerServers } from './docker-servers.ts';
import type { OriginName } from './launch-config.ts';
import { findMachineServers } from './machine-servers.ts';
import { type ServerOrigin, type ServerProgram, ServersMissingError } from './server-origin.ts';

const finders = { docker: [findDockerServers], machine: [findMachineServers] };

/** Returns the first origin that has all needed servers; throws ServersMissingError with the reason of each. `rehearsalTimeoutMs`: of a trial in Docker. */
export async function findServers(
  origin: Exclude<OriginName, 'embedded'>,
  needed: ServerProgram[],
  logFile: string,
  signal: AbortSignal,
  rehearsalTimeoutMs?: number,
): Promise<ServerOrigin> {
  const reasons: string[] = [];
  for (const find of origin === 'auto' ? [findDockerServers, findMachineServers] : finders[origin]) {
    try {
      return await find(needed, logFile, signal, rehearsalTimeoutMs);
    } catch (error) {
      if (!(error instanceof ServersMissingError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new ServersMissingError(reasons.map((reason) => `  - ${reason}`).join('\n'));
}
