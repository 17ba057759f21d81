import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** The folder of a file: `machines`, or a folder of src/. */
const roomOf = (file: string) => file.replace(/^(machines|src\/[^/]+)\/.*/, '$1');

/** The imported folders, by importing folder. */
function importsOf(files: readonly string[]): Map<string, Set<string>> {
  const imports = new Map<string, Set<string>>();
  for (const file of files) {
    const room = imports.get(roomOf(file)) ?? new Set();
    imports.set(roomOf(file), room);
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.{1,2}\/[^']+)'/g)) {
      const target = roomOf(normalize(`${dirname(file)}/${path}`));
      if (target !== roomOf(file)) room.add(target);
    }
  }
  return imports;
}

/** Repeatedly removes folders without remaining imports; the rest are the cycles. */
function circlesIn(imports: Map<string, Set<string>>): string[] {
  const left = new Map(imports);
  for (const [room] of [...left].filter(([, targets]) => ![...targets].some((target) => left.has(target)))) {
    left.delete(room);
  }
  return left.size < imports.size ? circlesIn(left) : [...left.keys()];
}

test('[R386] imports between the folders have no cycles', () => {
  const files = ['src', 'machines'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(circlesIn(importsOf(files))).toEqual([]);
  const circle = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['a', 'c'])],
    ['c', new Set<string>()],
  ]);
  expect(circlesIn(circle)).toEqual(['a', 'b']);
});
