import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DataDirLock } from '../../src/launch/data-dir-lock.ts';
import { fileUnusable } from '../../src/launch/file-unusable.ts';
import { makeFolder } from '../../src/launch/make-folder.ts';
import { print } from '../../src/launch/print.ts';
import { secretsIn } from '../../src/launch/secrets-file.ts';
import { writePrivately } from '../../src/launch/write-privately.ts';
import { patience } from '../support/patience.ts';
import { mountDisk } from '../support/small-disk.ts';

vi.mock('../../src/launch/print.ts', () => ({ print: vi.fn() }));
vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  return { ...os, userInfo: vi.fn(os.userInfo) };
});

let dir: string;

beforeEach(() => {
  vi.mocked(print).mockClear();
  dir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'concert-booking-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const errorOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
};

const secretsFile = () => join(dir, 'secrets.json');

test('[R307] secrets are made once, whole and private; missing ones are added, the others stay', () => {
  const secrets = secretsIn(dir);
  expect(statSync(secretsFile()).mode & 0o777).toBe(0o600);
  expect(secretsIn(dir)).toEqual(secrets);
  const { natsEdgePassword, ...others } = secrets;
  writeFileSync(secretsFile(), JSON.stringify({ ...others, ofAnotherVersion: 'kept' }));
  const completed = secretsIn(dir);
  expect(completed).toMatchObject({ ...others, ofAnotherVersion: 'kept' });
  expect(completed.natsEdgePassword).toMatch(/^[\w-]{32}$/);
  expect(completed.natsEdgePassword).not.toBe(natsEdgePassword);
  chmodSync(secretsFile(), 0o644);
  secretsIn(dir);
  expect(statSync(secretsFile()).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(['secrets.json']);
});

test.each([
  ['', 'it is empty'],
  ['{"sessionKeys": "a-secret-', 'it is not JSON'],
  ['[]', 'it is not a JSON object'],
  ['null', 'it is not a JSON object'],
  ['{}', 'it holds none of the secrets'],
  ['{"sessionKeys": 5}', 'sessionKeys is not a text'],
  ['{"natsEdgePassword": ""}', 'natsEdgePassword is not a text'],
])('[R307] damaged secrets are named with the remedy, and stay as they are: %j', (text, damage) => {
  writeFileSync(secretsFile(), text);
  const message = errorOf(() => secretsIn(dir));
  expect(message).toContain(`${secretsFile()} is damaged: ${damage}. Restore it from a backup, or delete it`);
  expect(message).not.toContain('a-secret-');
  expect(readFileSync(secretsFile(), 'utf8')).toBe(text);
});

test('[R307] a full disk leaves the file as it was, and no draft', () => {
  const disk = mountDisk(dir, '64k');
  writePrivately(join(dir, 'file'), 'before');
  disk.fill();
  expect(errorOf(() => writePrivately(join(dir, 'file'), 'after'.repeat(10_000)))).toBe(
    `${join(dir, 'file')} cannot be written: the disk is full. Free space on it, or choose another folder with DATA_DIR=…`,
  );
  expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('before');
  expect(readdirSync(dir)).toEqual(['file']);
  disk.unmount();
});

test('[R308] folders: missing ones are made, a file in the way is named', () => {
  makeFolder(join(dir, 'a', 'b', 'c'));
  makeFolder(join(dir, 'a', 'b', 'c'));
  expect(statSync(join(dir, 'a', 'b', 'c')).isDirectory()).toBe(true);
  writeFileSync(join(dir, 'file'), '');
  for (const path of [join(dir, 'file'), join(dir, 'file', 'under', 'it')])
    expect(errorOf(() => makeFolder(path))).toContain(`${path} cannot be made: a file is where a folder is needed`);
  expect(errorOf(() => makeFolder('/proc/x/y'))).toContain('/proc/x/y cannot be used (ENOENT');
});

test("[R308] another user's file is named with its owner and what to do", () => {
  const owner = userInfo().username;
  writeFileSync(join(dir, 'secrets.json'), '');
  vi.mocked(userInfo).mockReturnValue({ ...userInfo(), uid: 54_321, username: 'ann' });
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const remedy = (folder: string) =>
    `this user, ann, may not use it. Run as ${owner}, give it to ann (sudo chown -R ann ${folder}), or choose another folder with DATA_DIR=…`;
  expect(fileUnusable(join(dir, 'secrets.json'), denied).message).toBe(
    `${join(dir, 'secrets.json')} belongs to the user ${owner}; ${remedy(dir)}`,
  );
  expect(fileUnusable(join(dir, 'not', 'there'), denied).message).toBe(
    `${dir} belongs to the user ${owner}; ${remedy(dir)}`,
  );
  vi.mocked(userInfo).mockReset();
});

test.each(['', '{', 'null', '{}', '{"launcher": {}, "services": []}'])(
  '[R308] a damaged launcher.lock is named: %j',
  (text) => {
    writeFileSync(join(dir, 'launcher.lock'), text);
    expect(errorOf(() => DataDirLock.acquire(dir))).toMatch(/^\S+launcher\.lock is damaged: .* delete the file\.$/);
    expect(readdirSync(dir)).toEqual(['launcher.lock']);
  },
);

test('[R304] the lock records processes on a full disk, and needs no space for it', () => {
  const disk = mountDisk(dir, '256k');
  const lock = DataDirLock.acquire(dir);
  disk.fill();
  const services = Array.from({ length: 50 }, (_, i) => ({ name: `booking-${10_000 + i}`, pid: process.pid }));
  lock.record(services);
  const recorded = JSON.parse(readFileSync(join(dir, 'launcher.lock'), 'utf8'));
  expect(recorded.services).toHaveLength(50);
  expect(print).not.toHaveBeenCalled();
  lock.release();
  disk.unmount();
});

test('[R304] a lock that cannot be written ends nothing: printed once, and written when that works again', async () => {
  const lock = DataDirLock.acquire(dir);
  const file = join(dir, 'launcher.lock');
  rmSync(file);
  mkdirSync(file);
  const pid = process.pid;
  lock.record([]);
  lock.record([{ name: 'redis', pid }]);
  expect(print).toHaveBeenCalledTimes(1);
  expect(vi.mocked(print).mock.calls[0]?.[0]).toContain(`${file} cannot be used (EISDIR`);
  rmSync(file, { recursive: true });
  writeFileSync(file, '');
  await vi.waitFor(() => expect(print).toHaveBeenCalledTimes(2), patience);
  expect(JSON.parse(readFileSync(file, 'utf8')).services).toMatchObject([{ name: 'redis', pid }]);
  lock.release();
});
