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

/** Unmounted at the end of the test: tests that run concurrently pass their own `atEnd`. Needs the right to mount: tests run as root in CI too. Without it the test fails, and names the reason. */
export function mountDisk(size: string, atEnd: typeof onTestFinished = onTestFinished): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'concert-booking-disk-'));
  try {
    mount(`size=${size}`, '-t', 'tmpfs', 'tmpfs', path);
  } catch (cause) {
    throw new Error('This test mounts a small disk, which needs root and the right to mount (CAP_SYS_ADMIN).', {
      cause,
    });
  }
  atEnd(() => void execFileSync('umount', ['--lazy', path]));
  const resize = (bytes: number | string) => mount(`remount,size=${bytes}`, path);
  return { path, fill: () => shrink(path, resize), free: () => resize(size) };
}

/** Shrinks the disk to its used space. Refused if more has been written in the meantime: then retries. */
function shrink(path: string, resize: (bytes: number) => void): void {
  for (let attempt = 1; ; attempt++) {
    const { blocks, bfree, bsize } = statfsSync(path);
    try {
      resize(Math.max(blocks - bfree, 1) * bsize); // a size of 0 is without limit
      return;
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}

function mount(options: string, ...args: string[]): void {
  execFileSync('mount', ['-o', options, ...args], { stdio: 'pipe' });
}
