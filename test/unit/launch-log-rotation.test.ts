import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rotateOnce } from '../../src/launch/log-rotation.ts';
import { mountDisk } from '../support/small-disk.ts';

const maxBytes = 1_000;
const large = maxBytes + 1;
let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'concert-booking-rotation-'));
  log = join(dir, 'it.log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Writes like a process whose standard output is the log. */
function writer(path: string) {
  const fd = openSync(path, 'a', 0o600);
  return { write: (text: string, bytes = 0) => writeSync(fd, text.padEnd(bytes, '.')), end: () => closeSync(fd) };
}

test('[R362] a log stays below its maximum, with four older ones; its writer continues in the truncated file', async () => {
  const process = writer(log);
  for (const name of ['first', 'second', 'third', 'fourth', 'fifth', 'sixth']) {
    process.write(name, large);
    await rotateOnce(dir, maxBytes);
    expect(statSync(log).size).toBe(0);
  }
  process.write('newest\n');
  await rotateOnce(dir, maxBytes);
  process.end();
  expect(readFileSync(log, 'utf8')).toBe('newest\n');
  const kept = [1, 2, 3, 4].map((number) => /^\w+/.exec(readFileSync(`${log}.${number}`, 'utf8'))?.[0]);
  expect(kept).toEqual(['sixth', 'fifth', 'fourth', 'third']);
  expect(existsSync(`${log}.5`)).toBe(false);
  expect(statSync(`${log}.1`).mode & 0o777).toBe(0o600);
});

test('[R362] a small log, another kind of file and the target of a link stay unchanged', async () => {
  const target = join(dir, 'target');
  for (const path of [target, join(dir, 'x.txt')]) writeFileSync(path, '.'.repeat(large));
  symlinkSync(target, join(dir, 'link.log'));
  writeFileSync(log, 'small');
  await rotateOnce(dir, maxBytes);
  expect([target, join(dir, 'x.txt')].map((path) => statSync(path).size)).toEqual([large, large]);
  expect(readFileSync(log, 'utf8')).toBe('small');
});

test('[R362] on a full disk the log is truncated without a copy', async () => {
  const disk = mountDisk('64k');
  const full = writer(join(disk.path, 'it.log'));
  full.write('', 40_000);
  await rotateOnce(disk.path, maxBytes);
  full.end();
  expect(statSync(join(disk.path, 'it.log')).size).toBe(0);
  expect(existsSync(join(disk.path, 'it.log.1'))).toBe(false);
});
