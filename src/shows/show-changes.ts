import { localIso } from './local-time.ts';
import { type Change, changeOf, type PlanChanges, planChanges } from './plan-changes.ts';
import type { Pricing, Show } from './show.ts';

/** The changes in a new version of a show. */
export interface ShowChanges extends PlanChanges {
  prices: Change[];
  /** Name, times, limits. */
  facts: Change[];
}

export function showChanges(before: Show, after: Show): ShowChanges {
  return {
    ...planChanges(before.plan, after.plan),
    prices: priceChanges(before.pricing, after.pricing),
    facts: factChanges(before, after),
  };
}

function priceChanges(before: Pricing | undefined, after: Pricing | undefined): Change[] {
  const [from, to] = [pricesByName(before), pricesByName(after)];
  const names = [...new Set([...from.keys(), ...to.keys()])];
  return names.flatMap((name) => changeOf(name, from.get(name) ?? 'none', to.get(name) ?? 'none'));
}

function pricesByName(pricing: Pricing | undefined): Map<string, string> {
  const entries = [...(pricing?.prices ?? [])].flatMap(([category, own]) =>
    [...own].map(([type, amount]): [string, string] => [`${category}, ${type}`, `${pricing?.currency} ${amount}`]),
  );
  return new Map(entries);
}

function factChanges(before: Show, after: Show): Change[] {
  const facts: [string, (show: Show) => string][] = [
    ['name', ({ name }) => name],
    ['starts_at', ({ startsAtMs, utcOffsets }) => timeText(startsAtMs, utcOffsets?.starts_at)],
    ['sale_opens_at', ({ saleOpensAtMs, utcOffsets }) => timeText(saleOpensAtMs, utcOffsets?.sale_opens_at)],
    ['sale_closes_at', ({ saleClosesAtMs, utcOffsets }) => timeText(saleClosesAtMs, utcOffsets?.sale_closes_at)],
    ['max_holds', ({ maxHolds }) => String(maxHolds ?? 'the setting')],
    ['single_seats', ({ singleSeats }) => singleSeats],
    ['hold_seconds', ({ holdTtlMs }) => (holdTtlMs === undefined ? 'the setting' : String(holdTtlMs / 1000))],
  ];
  return facts.flatMap(([fact, text]) => changeOf(fact, text(before), text(after)));
}

/** As in the file. */
const timeText = (timeMs: number | undefined, offsetMinutes: number | undefined): string =>
  timeMs === undefined ? 'none' : localIso(timeMs, offsetMinutes);
