import { afterEach, beforeEach, expect } from 'vitest';

const warn = console.warn;
const warnings: string[] = [];

/** [R1054] A test fails if XState prints a warning: it has no other sign of a wrong use. */
beforeEach(() => {
  console.warn = (...parts: unknown[]) => {
    if (/[\\/]xstate[\\/]dist[\\/]/.test(new Error().stack ?? '')) warnings.push(parts.join(' '));
    warn(...parts);
  };
});
afterEach(() => {
  console.warn = warn;
  expect(warnings.splice(0), 'warnings of XState').toEqual([]);
});
