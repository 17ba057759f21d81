import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import which from 'which';

/** Folders of servers that are often missing in the PATH of ordinary users. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
/** Debian and Ubuntu keep each version of Postgres in a folder of its own, outside of everyone's PATH. */
const postgresVersions = '/usr/lib/postgresql';

export function findExecutable(program: string): string | undefined {
  const path = [process.env.PATH ?? '', ...serverFolders, ...postgresFolders()].join(delimiter);
  return which.sync(program, { path, nothrow: true }) ?? undefined;
}

/** The newest version first. */
function postgresFolders(): string[] {
  try {
    const versions = readdirSync(postgresVersions).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(postgresVersions, version, 'bin'));
  } catch {
    return [];
  }
}
