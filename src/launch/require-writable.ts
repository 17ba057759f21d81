import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileUnusable } from './file-unusable.ts';

/** The servers read and write all files in here; nginx's folder may hold those of its workers' user. */
const foldersOfServers = ['logs', 'redis', 'nats'];

/** Finds files of another user, e.g. of a root that started the system before, earlier than a server ends because of them. */
export function requireWritable(dataDir: string): void {
  requireAccess(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  const folders = readdirSync(dataDir, { withFileTypes: true });
  for (const folder of folders) {
    if (folder.isDirectory() && foldersOfServers.includes(folder.name)) requireTree(join(dataDir, folder.name));
  }
}

function requireTree(folder: string): void {
  requireAccess(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) requireTree(path);
    else if (entry.isFile()) requireAccess(path, constants.R_OK | constants.W_OK);
  }
}

function requireAccess(path: string, mode: number): void {
  try {
    accessSync(path, mode);
  } catch (cause) {
    throw fileUnusable(path, cause);
  }
}
