import { accessSync, constants, existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../process/config-error.ts';
import { fileUnusable } from './file-unusable.ts';
import { makeFolder } from './make-folder.ts';

/** Leaves room for the longest path inside, a block of JetStream's stream. nginx reads no parameter of 4,096 bytes. */
const maxPathBytes = 3_800;
/** Entries that the launcher creates and uses. Other entries are not checked. */
const usedEntries = ['secrets.json', 'launcher.lock', 'logs', 'redis', 'nats', 'postgres', 'nginx'];
/** Entries that identify a data folder of ours: /etc may have `nginx` and `redis`. */
const marks = ['secrets.json', 'launcher.lock'];
const fileRights = constants.R_OK | constants.W_OK;
const folderRights = fileRights | constants.X_OK;

/**
 * Creates the data folder. Throws an error with the path, its owner and the remedy if the folder, or a file of another user in
 * it, cannot be used: otherwise each server would fail on its own.
 */
export function requireDataDir(dataDir: string): void {
  const pathBytes = Buffer.byteLength(dataDir);
  if (pathBytes > maxPathBytes)
    throw new ConfigError(`DATA_DIR has ${pathBytes} bytes, the maximum is ${maxPathBytes}. Set it to a shorter path.`);
  makeFolder(dataDir);
  const ownFolder = marks.some((mark) => existsSync(join(dataDir, mark))) ? dataDir : undefined;
  requireRights(dataDir, folderRights, ownFolder);
  for (const entry of usedEntries) requireTree(join(dataDir, entry), ownFolder);
}

/** Redis, NATS and nginx read and write everything in their folders. */
function requireTree(path: string, ownFolder?: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) requireRights(path, fileRights, ownFolder);
  if (!found?.isDirectory()) return;
  requireRights(path, folderRights, ownFolder);
  for (const entry of readdirSync(path)) requireTree(join(path, entry), ownFolder);
}

function requireRights(path: string, rights: number, ownFolder?: string): void {
  try {
    accessSync(path, rights);
  } catch (cause) {
    throw fileUnusable(path, cause, ownFolder);
  }
}
