/** The address of a page or of data of the inspector. Fields without a value are left out. */
export function inspectPath(name: string, fields: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [field, value] of Object.entries(fields)) if (value !== undefined) query.set(field, value);
  const path = name === '' ? '/inspect' : `/inspect/${name}`;
  return query.size > 0 ? `${path}?${query}` : path;
}
