import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Unpacks the processes of the last release below this project, where they find its packages. Returns the folder that `dist` is in. */
export function unpackLastRelease(): string {
  mkdirSync('.test-data', { recursive: true });
  const dir = mkdtempSync(join('.test-data', 'last-release-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  execFileSync('tar', ['-xzf', join('test', 'rolling-update', 'last-release.tgz'), '-C', dir]);
  return dir;
}
