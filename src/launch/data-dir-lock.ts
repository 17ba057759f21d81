import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

type NamedProcess = ProcessIdentity & { name: string };

interface LockContents {
  launcher: ProcessIdentity;
  since: string;
  /** What the launcher started: found again if it is killed before it could stop them. */
  services: NamedProcess[];
}

class DataDirInUseError extends Error {
  override name = 'DataDirInUseError';
}

/** One launcher per data folder: two Redis servers writing one append-only file would ruin it. */
export class DataDirLock {
  readonly #path: string;
  readonly #contents: LockContents;

  /** Throws DataDirInUseError while another launcher, or what it started, lives. A lock whose owner is dead is taken over. */
  static acquire(dataDir: string): DataDirLock {
    mkdirSync(dataDir, { recursive: true });
    const lock = new DataDirLock(join(dataDir, 'launcher.lock'));
    if (lock.#claim()) return lock;
    const found = readFileSync(lock.#path, 'utf8');
    refuseLiving(found, dataDir);
    lock.#discard(found);
    if (lock.#claim()) return lock;
    throw new DataDirInUseError(`${dataDir} was taken by another launcher just now.`);
  }

  private constructor(path: string) {
    this.#path = path;
    const launcher = identityOf(process.pid) ?? { pid: process.pid, startedAt: 'unknown' };
    this.#contents = { launcher, since: new Date().toISOString(), services: [] };
  }

  record(services: { name: string; pid: number }[]): void {
    this.#contents.services = services.flatMap(({ name, pid }) => {
      const identity = identityOf(pid);
      return identity ? [{ name, ...identity }] : [];
    });
    renameSync(this.#draft(), this.#path);
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  /** A hard link appears whole or not at all: nobody reads a half-written lock, and only one of two wins. */
  #claim(): boolean {
    const draft = this.#draft();
    try {
      linkSync(draft, this.#path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft);
    }
  }

  /** Moved aside first: if it was not the dead one any more, it goes back. */
  #discard(dead: string): void {
    const aside = `${this.#path}.${process.pid}.dead`;
    renameSync(this.#path, aside);
    if (readFileSync(aside, 'utf8') !== dead) linkSync(aside, this.#path);
    rmSync(aside);
  }

  #draft(): string {
    const path = `${this.#path}.${process.pid}`;
    writeFileSync(path, JSON.stringify(this.#contents, null, 2));
    return path;
  }
}

function refuseLiving(text: string, dataDir: string): void {
  const { launcher, since, services } = parse(text, dataDir);
  if (isAlive(launcher)) {
    throw new DataDirInUseError(
      `${dataDir} is in use by the launcher with pid ${launcher.pid}, running since ${since}.\n` +
        `Stop that one first (kill ${launcher.pid}), or give this one its own folder with DATA_DIR=…`,
    );
  }
  const orphans = services.filter(isAlive);
  if (orphans.length > 0) {
    throw new DataDirInUseError(
      `The launcher of ${since} was killed, and these that it started still run:\n` +
        `${orphans.map(({ name, pid }) => `  ${name} (pid ${pid})`).join('\n')}\n` +
        `Stop them, then start again:\n  kill ${orphans.map(({ pid }) => pid).join(' ')}`,
    );
  }
}

function parse(text: string, dataDir: string): LockContents {
  try {
    return JSON.parse(text) as LockContents;
  } catch (cause) {
    const path = join(dataDir, 'launcher.lock');
    throw new DataDirInUseError(`${path} cannot be read. If nothing runs on that folder, delete the file.`, { cause });
  }
}
