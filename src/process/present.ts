import { ok as assert } from 'node:assert/strict';

/** The value, which must exist although its type allows undefined. `what` names it in the error. */
export function present<Value>(value: Value | undefined, what: string): Value {
  assert(value !== undefined, `${what} must exist`);
  return value;
}
