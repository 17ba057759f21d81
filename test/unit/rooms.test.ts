import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** `machines`, or a folder of src/. */
const roomOf = (file: string) => file.replace(/^(machines|src\/[^/]+)\/.*/, '$1');

/** By room: those that its files import. */
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

/** What is left when rooms that import nothing that is left are taken away, again and again: the circles. */
function circlesIn(imports: Map<string, Set<string>>): string[] {
  const left = new Map(imports);
  for (const [room] of [...left].filter(([, targets]) => ![...targets].some((target) => left.has(target)))) {
    left.delete(room);
  }
  return left.size < imports.size ? circlesIn(left) : [...left.keys()];
}

test('[R386] the imports between the rooms of the house form no circle', () => {
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
