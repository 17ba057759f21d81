const maxLineLength = 120;

/** Indented JSON in which what fits on a line is on one: a seat does, so a plan has a line for each. */
export function jsonText(value: unknown): string {
  return `${formatted(value, '', 0)}\n`;
}

/** `used`: characters of the line before the value. */
function formatted(value: unknown, indent: string, used: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const items = Object.entries(value).filter(([, item]) => item !== undefined);
  const lines = items.map(([key, item]) => {
    const name = Array.isArray(value) ? '' : `${JSON.stringify(key)}: `;
    return `${name}${formatted(item, inner, inner.length + name.length)}`;
  });
  const gap = open === '{' && lines.length > 0 ? ' ' : '';
  const line = `${open}${gap}${lines.join(', ')}${gap}${close}`;
  if (lines.length === 0 || (used + line.length < maxLineLength && !line.includes('\n'))) return line;
  return `${open}\n${lines.map((each) => `${inner}${each}`).join(',\n')}\n${indent}${close}`;
}
