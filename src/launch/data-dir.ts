import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../config-error.ts';
import { userName } from './user-name.ts';

/** Room for the longest path that is made inside, a block of JetStream's stream. nginx reads no parameter of 4,096 bytes. */
const maxPathBytes = 3_800;
/** What a start makes and uses. Other entries of the folder are not judged. */
const usedEntries = ['secrets.json', 'launcher.lock', 'logs', 'redis', 'nats', 'nginx'];
const defaultRemedy = 'Set DATA_DIR to a folder that can be written to.';

/** Creates the data folder; throws a ConfigError that names the path, its owner and the remedy if it cannot be used. */
export function requireDataDir(dataDir: string): void {
  const pathBytes = Buffer.byteLength(dataDir);
  if (pathBytes > maxPathBytes)
    throw new ConfigError(`DATA_DIR has ${pathBytes} bytes, the maximum is ${maxPathBytes}. Set it to a shorter path.`);
  makeFolder(dataDir, dataDir);
  const probe = join(dataDir, `.probe-${process.pid}`);
  attempt(dataDir, dataDir, () => {
    writeFileSync(probe, '');
    rmSync(probe);
  });
  for (const entry of usedEntries) requireAccess(dataDir, join(dataDir, entry));
}

/** One folder at a time: Node's recursive mkdir never returns for a path like /proc/x. */
function makeFolder(dataDir: string, folder: string): void {
  const found = attempt(dataDir, dirname(folder), () => statSync(folder, { throwIfNoEntry: false }));
  if (found?.isDirectory()) return;
  if (found) throw unusable(dataDir, `${folder} is not a folder`);
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(dataDir, parent);
  attempt(dataDir, parent, () => mkdirSync(folder));
}

/** Redis, NATS and nginx read and write everything in their folders. */
function requireAccess(dataDir: string, path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found || found.isSymbolicLink()) return;
  const { R_OK, W_OK, X_OK } = constants;
  attempt(dataDir, path, () => accessSync(path, found.isDirectory() ? R_OK | W_OK | X_OK : R_OK | W_OK));
  if (!found.isDirectory()) return;
  for (const name of readdirSync(path)) requireAccess(dataDir, join(path, name));
}

/** `path`: its owner and mode decide whether `action` is allowed. */
function attempt<Result>(dataDir: string, path: string, action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') throw forbidden(dataDir, path, cause);
    const reasons: Record<string, string> = {
      EROFS: `${path} is on a read-only file system`,
      ENOSPC: `the disk of ${path} is full`,
      EDQUOT: `the disk quota for ${path} is used up`,
      ENOENT: `nothing can be created in ${path}`,
      EEXIST: 'it is a symbolic link to a path that does not exist',
      ELOOP: 'its symbolic links lead to each other',
      ENOTDIR: 'a part of it is a file, not a folder',
      ENAMETOOLONG: 'a name in it is too long for the file system',
    };
    throw unusable(dataDir, reasons[code ?? ''] ?? message, defaultRemedy, cause);
  }
}

function forbidden(dataDir: string, path: string, cause: unknown): ConfigError {
  const owner = userName(ownerOf(path));
  const user = userName(process.getuid?.() ?? 0);
  // Only a folder of an earlier start: its files all have the same owner.
  const wasUsed = usedEntries.some((entry) => existsSync(join(dataDir, entry)));
  const command = owner === user ? 'chmod -R u+rwX' : `sudo chown -R ${user}`;
  return unusable(
    dataDir,
    `${path} belongs to ${owner}, and ${user} has no right to read and write it`,
    wasUsed ? `Run ${command} ${shellQuoted(dataDir)}, or set DATA_DIR to another folder.` : defaultRemedy,
    cause,
  );
}

const unusable = (dataDir: string, reason: string, remedy = defaultRemedy, cause?: unknown): ConfigError =>
  new ConfigError(`DATA_DIR=${dataDir} cannot be used: ${reason}. ${remedy}`, { cause });

/** Without the right to look at `path`, the owner of its folder is the one to name. */
function ownerOf(path: string): number {
  try {
    return statSync(path).uid;
  } catch {
    return ownerOf(dirname(path));
  }
}

const shellQuoted = (text: string) => (/^[\w./~+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
