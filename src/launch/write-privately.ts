import { chmodSync, writeFileSync } from 'node:fs';

/** A file that only its owner can read; returns its path. */
export function writePrivately(path: string, content: string): string {
  writeFileSync(path, content, { mode: 0o600 });
  chmodSync(path, 0o600); // one that was there before keeps its mode otherwise
  return path;
}
