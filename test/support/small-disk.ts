import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** A disk that can be full at once, and have space again at once. Takes memory only for what is on it. */
export interface SmallDisk {
  fill(): void;
  free(): void;
  unmount(): void;
}

/** Needs the right to mount: tests run as root in CI too. Without it the test fails, and says so. */
export function mountDisk(path: string, size: string): SmallDisk {
  mkdirSync(path, { recursive: true });
  mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path);
  let isMounted = true;
  const unmount = () => {
    if (isMounted) execFileSync('umount', ['--lazy', path]);
    isMounted = false;
  };
  onTestFinished(unmount);
  return {
    fill: () => {
      const { blocks, bfree, bsize } = statfsSync(path);
      mount('-o', `remount,size=${(blocks - bfree) * bsize}`, path);
    },
    free: () => mount('-o', `remount,size=${size}`, path),
    unmount,
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
