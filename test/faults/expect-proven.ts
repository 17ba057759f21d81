import { expect } from 'vitest';
import { firstOf } from './audit.ts';
import type { FaultResult } from './fault-run.ts';

/** The guarantee is 2 s; the rest is for a machine that two test files share. */
export const limitMs = 2_000 + 1_000;

/** Starting six processes takes longer on a busy machine. */
export const faultTestTimeoutMs = 90_000;

/** No reply to a user was wrong, and every view is correct again in time. */
export function expectProven({ verdict, convergedAfterMs, settledAfterMs }: FaultResult): void {
  expect(firstOf(verdict.violations)).toEqual([]);
  expect([verdict.lost, verdict.doubleSold, verdict.notLinearizable]).toEqual([0, 0, 0]);
  expect(convergedAfterMs, 'every view is as far as Redis').toBeLessThan(limitMs);
  expect(settledAfterMs, 'every view is equal to Redis').toBeLessThan(limitMs);
}
