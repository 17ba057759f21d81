import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../process/error-facts.ts';
import { isObject } from '../process/is-object.ts';
import { requireDataDir } from './data-dir.ts';
import { fileUnusable } from './file-unusable.ts';
import { print } from './print.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

type NamedProcess = ProcessIdentity & { name: string };

interface LockContents {
  launcher: ProcessIdentity;
  since: string;
  /** The processes that the launcher started: they outlive it if it is killed. */
  services: NamedProcess[];
}

/** The file has its full size from the start: overwriting it needs no disk space. */
const fileBytes = 16_384;
const retryMs = 1_000;

class DataDirInUseError extends Error {
  override name = 'DataDirInUseError';
}

/** Allows one launcher per data folder: two Redis servers would corrupt the append-only file. */
export class DataDirLock {
  readonly #path: string;
  readonly #contents: LockContents;
  #retry: NodeJS.Timeout | undefined;

  /**
   * Creates and checks the folder. Throws DataDirInUseError while another launcher, or a process that it started, is alive.
   * Takes over the lock of a dead launcher.
   */
  static acquire(dataDir: string): DataDirLock {
    requireDataDir(dataDir);
    const lock = new DataDirLock(join(dataDir, 'launcher.lock'));
    try {
      lock.#take(dataDir);
    } catch (cause) {
      throw cause instanceof DataDirInUseError ? cause : fileUnusable(lock.#path, cause);
    }
    return lock;
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
    if (!this.#retry) this.#save();
  }

  release(): void {
    clearTimeout(this.#retry);
    rmSync(this.#path, { force: true });
  }

  #take(dataDir: string): void {
    if (this.#claim()) return;
    const found = readFileSync(this.#path, 'utf8');
    refuseLiving(found, this.#path, dataDir);
    this.#discard(found);
    if (!this.#claim()) throw new DataDirInUseError(`${dataDir} was taken by another launcher just now.`);
  }

  /** A failure is printed once and writing is retried until it succeeds: a full disk must not stop the system. */
  #save(): void {
    const isRetry = this.#retry !== undefined;
    this.#retry = undefined;
    try {
      writeFileSync(this.#path, this.#text(), { flag: 'r+' });
      if (isRetry) print(`   ${this.#path} is up to date again.`);
    } catch (error) {
      if (!isRetry) print(`\n!! ${fileUnusable(this.#path, error).message}\n   Until then it names old processes.`);
      this.#retry = setTimeout(() => this.#save(), retryMs).unref();
    }
  }

  /** Creating a hard link is atomic: no process reads a half-written lock, and only one of two wins. */
  #claim(): boolean {
    const draft = this.#draft();
    try {
      linkSync(draft, this.#path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft);
    }
  }

  /** Renames the file first and restores it if it is no longer the lock of the dead launcher. */
  #discard(dead: string): void {
    const aside = `${this.#path}.${process.pid}.dead`;
    renameSync(this.#path, aside);
    if (readFileSync(aside, 'utf8') !== dead) linkSync(aside, this.#path);
    rmSync(aside);
  }

  #draft(): string {
    const path = `${this.#path}.${process.pid}`;
    try {
      writeFileSync(path, this.#text(), { flush: true });
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
    return path;
  }

  /** Padded with spaces, which JSON allows. */
  #text(): string {
    return JSON.stringify(this.#contents, null, 2).padEnd(fileBytes);
  }
}

function refuseLiving(text: string, path: string, dataDir: string): void {
  const { launcher, since, services } = parse(text, path);
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

function parse(text: string, path: string): LockContents {
  try {
    const contents: unknown = JSON.parse(text);
    if (isLockContents(contents)) return contents;
  } catch {
    // Reported below, like JSON of another shape.
  }
  throw new DataDirInUseError(
    `${path} is damaged: the launcher that uses this folder is unknown. Make sure that none does, and none of its ` +
      'servers (ps), then delete the file.',
  );
}

function isLockContents(value: unknown): value is LockContents {
  if (!isObject(value) || !isIdentity(value.launcher) || typeof value.since !== 'string') return false;
  return Array.isArray(value.services) && value.services.every((service) => isIdentity(service) && 'name' in service);
}

const isIdentity = (value: unknown): value is ProcessIdentity =>
  isObject(value) && typeof value.pid === 'number' && typeof value.startedAt === 'string';
