import { installWithApt } from './apt.ts';
import { findExecutable } from './find-executable.ts';
import { type ServerOrigin, type ServerProgram, ServersMissingError } from './server-origin.ts';
import { tooOld, versionOf } from './server-versions.ts';

/** Uses the servers of this machine; installs missing ones with apt if possible. One that is too old is not replaced. */
export async function findMachineServers(
  needed: ServerProgram[],
  logFile: string,
  signal: AbortSignal,
): Promise<ServerOrigin> {
  const missing = needed.filter((program) => !findExecutable(program));
  await requireVersions(needed.filter((program) => !missing.includes(program)));
  if (missing.length > 0) {
    await installWithApt(missing, logFile, signal);
    await requireVersions(missing);
  }
  const paths = new Map(needed.map((program) => [program, findExecutable(program)]));
  return {
    description: 'this machine',
    isContainer: false,
    bindHost: (host) => host,
    machineHost: '127.0.0.1',
    command(program, { args, user, listens }) {
      const path = paths.get(program);
      if (!path) throw new ServersMissingError(`${program} is not on this machine`);
      return { command: [path, ...args], user, ports: listens.map(({ port }) => port) };
    },
  };
}

/** Refuses old versions: apt upgrades only its own packages, and another program may need the old version. */
async function requireVersions(programs: ServerProgram[]): Promise<void> {
  const problems = await Promise.all(
    programs.map(async (program) => {
      const path = findExecutable(program);
      const version = path && (await versionOf(program, path));
      return version && tooOld(program, version, path);
    }),
  );
  const found = problems.filter((problem) => problem !== undefined && problem !== '');
  if (found.length > 0) throw new ServersMissingError(`This machine: ${found.join(' ')}`);
}
