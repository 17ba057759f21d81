import { distance } from 'fastest-levenshtein';
import type { TSchema } from 'typebox';
import type { Validator } from 'typebox/compile';
import { isObject } from '../process/is-object.ts';
import { type Path, type Problem, problem } from './problem.ts';

interface Constraints {
  type?: string;
  const?: unknown;
  errorMessage?: string;
  description?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, Constraints>;
  patternProperties?: Record<string, Constraints>;
  items?: Constraints;
}

/** The problems that the schema of `validator` finds, in the words of its `errorMessage`s. At most eight problems. */
export function schemaProblems(validator: Validator, value: unknown): Problem[] {
  const schema = validator.Type() as TSchema & Constraints;
  return validator.Errors(value).flatMap((error): Problem[] => {
    const at = pathOf(error.instancePath, value);
    if (error.keyword === 'required') {
      return error.params.requiredProperties.map((name) => {
        const missing = [...at, name];
        return problem(missing, undefined, requirementOf(schemaAt(schema, missing)));
      });
    }
    // Repeats the problem that `boolean` reports for each key.
    if (error.keyword === 'additionalProperties') return [];
    if (error.keyword === 'boolean') return [unknownKey(schema, at)];
    return [problem(at, valueAt(value, at), requirementOf(schemaAt(schema, at)))];
  });
}

function unknownKey(schema: Constraints, at: Path): Problem {
  const key = String(at.at(-1));
  const known = Object.keys(schemaAt(schema, at.slice(0, -1))?.properties ?? {});
  const [nearest = ''] = known.toSorted((a, b) => distance(key, a) - distance(key, b));
  const isNear = distance(key, nearest) <= Math.max(2, nearest.length / 3);
  const must = isNear ? `did you mean ${nearest}?` : `known are ${known.join(', ')}`;
  return { at, found: 'is no key of the format', must };
}

/** `/plan/sections/0`: numbers are steps into lists only. */
function pathOf(pointer: string, value: unknown): Path {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path: (string | number)[] = [];
  for (const step of steps) path.push(Array.isArray(valueAt(value, path)) ? Number(step) : step);
  return path;
}

function valueAt(value: unknown, at: Path): unknown {
  return at.reduce((inner: unknown, step) => {
    if (Array.isArray(inner)) return inner[Number(step)];
    return isObject(inner) && Object.hasOwn(inner, step) ? inner[String(step)] : undefined;
  }, value);
}

function schemaAt(schema: Constraints, at: Path): Constraints | undefined {
  return at.reduce((inner: Constraints | undefined, step) => {
    if (typeof step === 'number') return inner?.items;
    return inner?.properties?.[step] ?? Object.values(inner?.patternProperties ?? {})[0];
  }, schema);
}

function requirementOf(constraints: Constraints | undefined): string {
  const { type, errorMessage, minimum, maximum, minItems = 0, maxItems } = constraints ?? {};
  if (errorMessage) return errorMessage;
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}`;
  if (type === 'number') return `must be a number from ${minimum} to ${maximum}`;
  if (type === 'boolean') return 'must be true or false';
  if (type === 'array') return `must be a list of ${minItems} to ${maxItems} entries`;
  return 'must be an object: { … }';
}
