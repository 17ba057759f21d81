import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A commit, built in its own folder, whose processes are measured beside those of the working tree. */
export interface CommitBuild {
  /** As the caller named it. */
  commit: string;
  dir: string;
  remove(): Promise<void>;
}

/** Checks the commit out into a git worktree in a temporary folder, installs the packages of its lock file, and builds its servers. */
export async function buildCommit(
  commit: string,
  { repository = '.', signal = new AbortController().signal } = {},
): Promise<CommitBuild> {
  const git = (...args: string[]) => run('git', args, { cwd: repository, signal });
  const found = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${commit}^{commit}`).catch(
    () => undefined,
  );
  signal.throwIfAborted();
  if (!found)
    throw new UnknownCommitError(`There is no commit ${commit} here. A shallow clone lacks it: git fetch --unshallow`);
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-commit-'));
  const remove = async () => {
    await run('git', ['worktree', 'remove', '--force', dir], { cwd: repository }).catch(() => {}); // it may not be one yet
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await git('worktree', 'add', '--quiet', '--detach', dir, found.stdout.trim());
    const npm = (...args: string[]) => run('npm', args, { cwd: dir, signal });
    await npm('ci', '--prefer-offline', '--no-audit', '--no-fund');
    await npm('run', '--silent', 'build:server');
    return { commit, dir, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

export class UnknownCommitError extends Error {
  override name = 'UnknownCommitError';
}
