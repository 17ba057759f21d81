import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildCommit, UnknownCommitError } from '../../bench/suite/commit-build.ts';

/** npm starts several times. */
const timeout = 120_000;

/** A repository with two commits, whose server is its version. */
function newRepository() {
  const dir = mkdtempSync(join(tmpdir(), 'concert-booking-repository-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      cwd: dir,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet');
  const build = `node -e "fs.cpSync('version.txt', 'dist/server.txt')"`;
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'a', scripts: { 'build:server': build } }));
  writeFileSync(
    join(dir, 'package-lock.json'),
    JSON.stringify({ name: 'a', lockfileVersion: 3, packages: { '': { name: 'a' } } }),
  );
  const commit = (version: string) => {
    writeFileSync(join(dir, 'version.txt'), version);
    git('add', '.');
    git('commit', '--quiet', '--message', version);
    return git('rev-parse', 'HEAD');
  };
  return { dir, git, older: commit('older'), newer: commit('newer') };
}

test('[R410] the bench builds an older commit next to the tree, and deletes all of it', { timeout }, async () => {
  const { dir, git, older } = newRepository();
  const built = await buildCommit(older.slice(0, 10), { repository: dir });
  expect(readFileSync(join(built.dir, 'dist', 'server.txt'), 'utf8')).toBe('older');
  expect(readFileSync(join(dir, 'version.txt'), 'utf8'), 'the tree stays').toBe('newer');
  await built.remove();
  expect(existsSync(built.dir)).toBe(false);
  expect(git('worktree', 'list').split('\n')).toHaveLength(1);
});

test('[R410] a commit that is unknown, or cannot be built, is an error and leaves no files', { timeout }, async () => {
  const { dir, git, newer } = newRepository();
  await expect(buildCommit('0123456789', { repository: dir })).rejects.toThrow(UnknownCommitError);
  await expect(buildCommit('--help', { repository: dir })).rejects.toThrow(UnknownCommitError);
  writeFileSync(join(dir, 'package.json'), 'no JSON');
  git('commit', '--quiet', '--all', '--message', 'cannot be installed');
  await expect(buildCommit('HEAD', { repository: dir })).rejects.toThrow('npm ci');
  expect(git('worktree', 'list').split('\n')).toHaveLength(1);
  expect(git('rev-parse', 'HEAD')).not.toBe(newer);
});
