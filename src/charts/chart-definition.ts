import type { AnyStateMachine } from 'xstate';

/** The machine's configuration as JSON, as Stately Studio and Stately Inspector read it: functions by their names. */
export function chartDefinition(machine: AnyStateMachine, indent = 0): string {
  const byName = (_key: string, value: unknown) => (typeof value === 'function' ? { type: value.name } : value);
  // The first context is made by a function: it says nothing without its input.
  return JSON.stringify({ ...machine.config, context: undefined }, byName, indent);
}
