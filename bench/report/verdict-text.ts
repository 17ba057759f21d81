import { formatNumber } from './format.ts';

/** The words of a verdict, the same in the terminal and on the page. */
export function verdictTitle(verdict: {
  isBroken: boolean;
  notAudited: string | undefined;
  isMissed: boolean;
}): string {
  if (verdict.isBroken) return 'VIOLATIONS: the figures below do not count';
  if (verdict.notAudited !== undefined) return `COULD NOT AUDIT: ${verdict.notAudited}`;
  return verdict.isMissed ? 'THRESHOLD MISSED: no violations' : 'PASSED: no violations';
}

export function checkCount({ checked, broken }: { checked: number; broken: number }): string {
  return broken > 0
    ? `${formatNumber(broken)} broken of ${formatNumber(checked)} checked`
    : `${formatNumber(checked)} checked`;
}
