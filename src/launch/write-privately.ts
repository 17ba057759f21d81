import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileUnusable } from './file-unusable.ts';
import { inheritOwner } from './inherit-owner.ts';

/** Atomically writes a file that only its owner can read, and returns its path. A full disk or a crash leaves the old file. */
export function writePrivately(path: string, content: string): string {
  const draft = `${path}.${process.pid}`;
  try {
    rmSync(draft, { force: true }); // a draft left by a crash may have another mode
    writeFileSync(draft, content, { mode: 0o600, flush: true, flag: 'wx' }); // `wx` never follows a planted link
    inheritOwner(draft);
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw fileUnusable(path, cause);
  }
  return path;
}
