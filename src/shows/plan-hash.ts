import { createHash } from 'node:crypto';
import { isObject } from '../process/is-object.ts';
import type { SeatingPlan } from './seating-plan.ts';

const hashes = new WeakMap<SeatingPlan, string>();

/** SHA-256 of the plan's document as canonical JSON, in hexadecimal. Equal plans have equal hashes, however they were written. */
export function planHash(plan: SeatingPlan): string {
  const known = hashes.get(plan);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalJson(plan.toDocument())).digest('hex');
  hashes.set(plan, hash);
  return hash;
}

/** As in RFC 8785: keys in order, no white space. Numbers and texts are written as `JSON.stringify` does. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`;
}
