import type { AnyStateMachine } from 'xstate';

/** The machine's configuration as JSON, in the format of Stately Studio and Stately Inspector. Functions appear by name. */
export function chartDefinition(machine: AnyStateMachine, indent = 0): string {
  const byName = (_key: string, value: unknown) => (typeof value === 'function' ? { type: value.name } : value);
  // A function makes the initial context from the input, so the definition has none.
  return JSON.stringify({ ...machine.config, context: undefined }, byName, indent);
}
