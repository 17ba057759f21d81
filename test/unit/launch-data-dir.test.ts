import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { requireDataDir } from '../../src/launch/data-dir.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'concert-booking-data-dir-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('[R292] a data folder', () => {
  test('is created with its parents, and nothing is left in it', () => {
    const dataDir = join(folder, 'a', 'b c', '$d"\\;\n');
    requireDataDir(dataDir);
    expect(readdirSync(dataDir)).toEqual([]);
    requireDataDir(dataDir);
  });

  test.each([
    ['/proc/x', 'nothing can be created in /proc'],
    ['/proc/x/y', 'nothing can be created in /proc'],
    ['/dev/null', '/dev/null is not a folder'],
    ['/dev/null/x', '/dev/null is not a folder'],
    [`/tmp/${'a'.repeat(300)}`, 'too long for the file system'],
    [`/tmp${'/a'.repeat(2_000)}`, 'the maximum is 3800'],
  ])('%.20s… is refused in one sentence', (dataDir, reason) => {
    expect(() => requireDataDir(dataDir)).toThrow(reason);
    expect(() => requireDataDir(dataDir)).toThrow(/choose another folder with DATA_DIR=…|Set it to a shorter path/i);
  });

  test('broken and circular links are reported', () => {
    symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
    expect(() => requireDataDir(join(folder, 'dangling'))).toThrow('a symbolic link to a path that does not exist');
    symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
    expect(() => requireDataDir(join(folder, 'loop'))).toThrow('its symbolic links lead to each other');
  });
});
