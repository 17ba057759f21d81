import type { LoadSettings } from '../scenarios/scenario.ts';
import { figureLabel, formatNumber } from './format.ts';
import type { CheckedThreshold } from './threshold.ts';

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

export const thresholdText = ({ text, figure, value }: CheckedThreshold): string =>
  `${figureLabel(figure)}: ${formatNumber(value)}, the threshold is ${text}`;

/** The system that was loaded. */
export function systemText({ url, show, bookings, edges, rows, cols }: LoadSettings & { url?: string }): string {
  const what = show === undefined ? [] : [`show ${show}`];
  if (url !== undefined) return [...what, url].join(', ');
  const seats = show === undefined ? [`${rows}×${cols} seats`] : what;
  return [`${bookings} booking`, `${edges} edges`, ...seats].join(', ');
}
