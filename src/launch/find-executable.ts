import { delimiter } from 'node:path';
import which from 'which';

/** Folders of servers that are often missing in the PATH of ordinary users. */
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];

export function findExecutable(program: string): string | undefined {
  const path = [process.env.PATH ?? '', ...serverFolders].join(delimiter);
  return which.sync(program, { path, nothrow: true }) ?? undefined;
}
