export type Path = readonly (string | number)[];

/** A problem at one place of a file. */
export interface Problem {
  at: Path;
  /** `is "redd"`, `is missing`. */
  found: string;
  /** The expected value: `must be …`. */
  must: string;
}

const maxValueLength = 60;

/** `value` undefined: it is missing. */
export const problem = (at: Path, value: unknown, must: string): Problem => ({
  at,
  found: value === undefined ? 'is missing' : `is ${shortened(value)}`,
  must,
});

/** One line: the file, the path, the value, and the expected value. */
export const problemLine = (file: string, { at, found, must }: Problem): string =>
  `${file}: ${jqPath(at)} ${found}; ${must}`;

/** As `jq` takes it: `.plan.sections[0].name`, `.prices["Front stalls"]`. */
export function jqPath(at: Path): string {
  const steps = at.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  const path = steps.join('');
  return path.startsWith('.') ? path : `.${path}`;
}

function shortened(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const text = JSON.stringify(value);
  return text.length <= maxValueLength ? text : `${text.slice(0, maxValueLength)}…`;
}
