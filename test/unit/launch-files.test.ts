import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { DataDirLock } from '../../src/launch/data-dir-lock.ts';
import { makeFolder } from '../../src/launch/make-folder.ts';
import * as terminal from '../../src/launch/print.ts';
import { secretsIn } from '../../src/launch/secrets-file.ts';
import { writePrivately } from '../../src/launch/write-privately.ts';
import { patience } from '../support/patience.ts';
import { mountDisk } from '../support/small-disk.ts';

const print = vi.spyOn(terminal, 'print').mockImplementation(() => {});
let dir: string;

beforeEach(() => {
  print.mockClear();
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

test('[R307] secrets are created once, atomically and privately; missing ones are added, the others stay', () => {
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
  ['{"sessionKeys": 5}', 'sessionKeys is not a string'],
  ['{"natsEdgePassword": ""}', 'natsEdgePassword is not a string'],
])('[R307] damaged secrets are reported with the remedy and stay unchanged: %j', (text, damage) => {
  writeFileSync(secretsFile(), text);
  const message = errorOf(() => secretsIn(dir));
  expect(message).toContain(`${secretsFile()} is damaged: ${damage}. Restore it from a backup, or delete it`);
  expect(message).not.toContain('a-secret-');
  expect(readFileSync(secretsFile(), 'utf8')).toBe(text);
});

test('[R367] a folder in the place of secrets.json is reported in one sentence', () => {
  mkdirSync(secretsFile());
  expect(errorOf(() => secretsIn(dir))).toBe(
    `${secretsFile()} cannot be used (EISDIR: a folder is where a file is needed). Move that folder, or choose another folder with DATA_DIR=…`,
  );
});

test('[R307] a full disk leaves the old file and no draft', () => {
  const disk = mountDisk('64k');
  const file = join(disk.path, 'file');
  writePrivately(file, 'before');
  disk.fill();
  expect(errorOf(() => writePrivately(file, 'after'.repeat(10_000)))).toBe(
    `${file} cannot be written: the disk is full. Free space on it, or choose another folder with DATA_DIR=…`,
  );
  expect(readFileSync(file, 'utf8')).toBe('before');
  expect(readdirSync(disk.path)).toEqual(['file']);
});

test('[R308] missing folders are created; a file in the way is reported', () => {
  makeFolder(join(dir, 'a', 'b', 'c'));
  makeFolder(join(dir, 'a', 'b', 'c'));
  expect(statSync(join(dir, 'a', 'b', 'c')).isDirectory()).toBe(true);
  writeFileSync(join(dir, 'file'), '');
  for (const path of [join(dir, 'file'), join(dir, 'file', 'under', 'it')])
    expect(errorOf(() => makeFolder(path))).toContain(`${path} cannot be made: a file is where a folder is needed`);
  expect(errorOf(() => makeFolder('/proc/x/y'))).toContain(
    '/proc/x/y cannot be used (ENOENT: nothing can be created in /proc)',
  );
});

/** Runs `code` as an unprivileged user, with the exports of src/launch as `launch`. Returns its output. */
function asNobody(code: string): string {
  const contents = `import { DataDirLock } from './src/launch/data-dir-lock.ts';
    import { secretsIn } from './src/launch/secrets-file.ts';
    try { ${code}; console.log('no error'); } catch (error) { console.log(error.message); }`;
  const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' } as const;
  const { outputFiles } = buildSync({ stdin, bundle: true, platform: 'node', format: 'esm', write: false });
  const input = outputFiles[0]?.text ?? '';
  const args = ['--input-type=module'];
  return execFileSync(process.execPath, args, { input, uid: nobody.uid, gid: nobody.gid, cwd: '/', encoding: 'utf8' });
}

const nobody = { uid: 65_534, gid: 65_534, name: 'nobody' };

test("[R308] another user's files are reported with their owner and the remedy", () => {
  // Tests run as root, and in a folder that others cannot enter.
  const shared = mkdtempSync('/tmp/concert-booking-shared-');
  onTestFinished(() => rmSync(shared, { recursive: true }));
  chmodSync(shared, 0o755);
  const acquire = () => asNobody(`DataDirLock.acquire('${shared}').release()`).trim();
  const reason = (path: string) =>
    `${path} belongs to the user root, and the user nobody has no right to read and write it. `;
  const explained = (path: string) =>
    `${reason(path)}Run as root, give the folder to nobody (sudo chown -R nobody ${shared}), or choose another folder with DATA_DIR=…`;

  const ofOthers = `${reason(shared)}Choose another folder with DATA_DIR=…`;
  mkdirSync(join(shared, 'nginx'));
  expect(acquire(), 'a folder of another program, e.g. /etc, is not given to anyone').toBe(ofOthers);
  rmSync(join(shared, 'nginx'), { recursive: true });
  writeFileSync(join(shared, 'secrets.json'), '{}', { mode: 0o600 });
  expect(acquire()).toBe(explained(shared));
  chownSync(shared, nobody.uid, nobody.gid);
  expect(acquire()).toBe(explained(join(shared, 'secrets.json')));
  expect(asNobody(`secretsIn('${shared}')`).trim()).toBe(explained(join(shared, 'secrets.json')));
  chownSync(join(shared, 'secrets.json'), nobody.uid, nobody.gid);
  expect(acquire()).toBe('no error');

  const redis = join(shared, 'redis');
  mkdirSync(join(redis, 'appendonlydir'), { recursive: true });
  chownSync(redis, nobody.uid, nobody.gid);
  expect(acquire()).toBe(explained(join(redis, 'appendonlydir')));
  chownSync(join(redis, 'appendonlydir'), nobody.uid, nobody.gid);
  writeFileSync(join(redis, 'appendonlydir', 'a.aof'), '');
  expect(acquire()).toBe(explained(join(redis, 'appendonlydir', 'a.aof')));
  expect(readdirSync(shared)).toEqual(['redis', 'secrets.json']);
});

test.each(['', '{', 'null', '{}', '{"launcher": {}, "services": []}'])(
  '[R308] a damaged launcher.lock is reported: %j',
  (text) => {
    writeFileSync(join(dir, 'launcher.lock'), text);
    expect(errorOf(() => DataDirLock.acquire(dir))).toMatch(/^\S+launcher\.lock is damaged: .* delete the file\.$/);
    expect(readdirSync(dir)).toEqual(['launcher.lock']);
  },
);

test('[R304] the lock records processes even on a full disk', () => {
  const disk = mountDisk('256k');
  const lock = DataDirLock.acquire(disk.path);
  disk.fill();
  const services = Array.from({ length: 50 }, (_, i) => ({ name: `booking-${10_000 + i}`, pid: process.pid }));
  lock.record(services);
  const recorded = JSON.parse(readFileSync(join(disk.path, 'launcher.lock'), 'utf8'));
  expect(recorded.services).toHaveLength(50);
  expect(print).not.toHaveBeenCalled();
  lock.release();
});

test('[R304] an unwritable lock does not end the launcher: it is printed once, and written when that works again', async () => {
  const lock = DataDirLock.acquire(dir);
  const file = join(dir, 'launcher.lock');
  rmSync(file);
  mkdirSync(file);
  const pid = process.pid;
  lock.record([]);
  lock.record([{ name: 'redis', pid }]);
  expect(print).toHaveBeenCalledTimes(1);
  expect(print.mock.calls[0]?.[0]).toContain(`${file} cannot be used (EISDIR`);
  rmSync(file, { recursive: true });
  writeFileSync(file, '');
  await vi.waitFor(() => expect(print).toHaveBeenCalledTimes(2), patience);
  expect(JSON.parse(readFileSync(file, 'utf8')).services).toMatchObject([{ name: 'redis', pid }]);
  lock.release();
});
