import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileUnusable } from './file-unusable.ts';
import { inheritOwner } from './inherit-owner.ts';

/** A file that only its owner can read; returns its path. A full disk or a crash leaves the file as it was, never half of it. */
export function writePrivately(path: string, content: string): string {
  const draft = `${path}.${process.pid}`;
  try {
    rmSync(draft, { force: true }); // one that a crash left behind keeps its mode otherwise
    writeFileSync(draft, content, { mode: 0o600, flush: true, flag: 'wx' }); // never through a link that somebody put there
    inheritOwner(draft);
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw fileUnusable(path, cause);
  }
  return path;
}
