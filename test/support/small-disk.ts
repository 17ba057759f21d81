import { execFileSync } from 'node:child_process';
import { mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A disk that can be full at once, and have space again at once. Takes memory only for what is on it. */
export interface SmallDisk {
  path: string;
  fill(): void;
  free(): void;
}

/** Needs the right to mount: tests run as root in CI too. Without it the test fails, and names the reason. */
export function mountDisk(size: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'concert-booking-disk-'));
  mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path);
  onTestFinished(() => void execFileSync('umount', ['--lazy', path]));
  return {
    path,
    fill: () => {
      const { blocks, bfree, bsize } = statfsSync(path);
      // A size of 0 would be without limit.
      mount('-o', `remount,size=${Math.max(blocks - bfree, 1) * bsize}`, path);
    },
    free: () => mount('-o', `remount,size=${size}`, path),
  };
}

function mount(...args: string[]): void {
  try {
    execFileSync('mount', args, { encoding: 'utf8', stdio: 'pipe' });
  } catch (cause) {
    throw new Error('This test mounts a small disk, which needs root and the right to mount (CAP_SYS_ADMIN).', {
      cause,
    });
  }
}
