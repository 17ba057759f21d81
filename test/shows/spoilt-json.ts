import fc from 'fast-check';

type Path = readonly (string | number)[];

/** Values that are often handled wrongly, besides any other JSON. */
const values = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    ' ',
    '__proto__',
    'A1',
    '{n}',
    -1,
    0,
    1.5,
    1e9,
    100_000,
    500,
    true,
    null,
    [],
    {},
    [[]],
    [{}],
  ),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** The same JSON with a few values replaced, removed, repeated or added. */
export function spoilt<T extends object>(json: T): fc.Arbitrary<T> {
  const paths = pathsIn(json, []);
  const edit = fc.record({
    path: fc.constantFrom(...paths),
    kind: fc.constantFrom('replace', 'replace', 'remove', 'repeat', 'add'),
    key: fc.constantFrom('__proto__', 'constructor', 'x', 'name'),
    value: values,
  });
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    const copy = structuredClone(json);
    for (const { path, kind, key, value } of edits) {
      const parent = path
        .slice(0, -1)
        .reduce<unknown>((inner, step) => (inner as Record<string, unknown>)?.[step], copy);
      const last = path.at(-1) as string;
      if (typeof parent !== 'object' || parent === null) continue;
      const holder = parent as Record<string, unknown>;
      if (kind === 'remove') delete holder[last];
      else if (kind === 'repeat' && Array.isArray(parent)) parent.push(structuredClone(holder[last]));
      else
        Object.defineProperty(holder, kind === 'add' ? key : last, {
          value,
          enumerable: true,
          writable: true,
          configurable: true,
        });
    }
    return JSON.parse(JSON.stringify(copy)) as T;
  });
}

function pathsIn(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}
