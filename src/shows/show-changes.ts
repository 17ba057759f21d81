import type { SeatingPlan } from './seating-plan.ts';
import type { Pricing, Show } from './show.ts';

export interface Change {
  /** A seat's id, "Front, adult", or the name of a fact of the show. */
  of: string;
  from: string;
  to: string;
}

/** What a new version of a show does. A seat that is held or sold may be neither removed nor moved. */
export interface ShowChanges {
  /** Ids of seats. */
  added: string[];
  removed: string[];
  /** Another section, row or label, or another place by half a seat or more. */
  moved: Change[];
  recategorised: Change[];
  reflagged: Change[];
  prices: Change[];
  /** Name, times, limits. */
  facts: Change[];
}

/** Seats that stay within this part of the usual distance between neighbours have not moved. */
const sameSpotPitches = 0.5;

export function showChanges(before: Show, after: Show): ShowChanges {
  const kept = [...after.plan.ids].filter((id) => before.plan.indexOf(id) !== undefined);
  const seatChanges = (text: (plan: SeatingPlan, index: number) => string): Change[] =>
    kept.flatMap((id) => changeOf(id, textAt(before.plan, id, text), textAt(after.plan, id, text)));
  return {
    added: after.plan.ids.filter((id) => before.plan.indexOf(id) === undefined),
    removed: before.plan.ids.filter((id) => after.plan.indexOf(id) === undefined),
    moved: movedSeats(before.plan, after.plan, kept),
    recategorised: seatChanges((plan, index) => plan.category(index)),
    reflagged: seatChanges((plan, index) => plan.flags(index).join(', ') || 'no flags'),
    prices: priceChanges(before.pricing, after.pricing),
    facts: factChanges(before, after),
  };
}

const textAt = (plan: SeatingPlan, id: string, text: (plan: SeatingPlan, index: number) => string): string =>
  text(plan, plan.indexOf(id) as number);

const changeOf = (of: string, from: string, to: string): Change[] => (from === to ? [] : [{ of, from, to }]);

function movedSeats(before: SeatingPlan, after: SeatingPlan, kept: readonly string[]): Change[] {
  const shifts = kept.map((id) => {
    const [from, to] = [before.indexOf(id) as number, after.indexOf(id) as number];
    return { id, from, to, dx: after.x(to) - before.x(from), dy: after.y(to) - before.y(from) };
  });
  // A section more to the left shifts the whole drawing, but moves no seat.
  const dx = median(shifts.map((shift) => shift.dx));
  const dy = median(shifts.map((shift) => shift.dy));
  return shifts.flatMap((shift): Change[] => {
    const { id, from, to } = shift;
    const names = changeOf(id, before.describe(from), after.describe(to));
    if (names.length > 0) return names;
    const pitch = after.sections[after.sectionOf(to)]?.pitch ?? 0;
    const isSameSpot = Math.hypot(shift.dx - dx, shift.dy - dy) <= sameSpotPitches * pitch;
    return isSameSpot ? [] : [{ of: id, from: placeOf(before, from), to: placeOf(after, to) }];
  });
}

const placeOf = (plan: SeatingPlan, index: number): string => `x ${plan.x(index)}, y ${plan.y(index)}`;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
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
    ['starts_at', ({ startsAtMs }) => timeText(startsAtMs)],
    ['sale_opens_at', ({ saleOpensAtMs }) => timeText(saleOpensAtMs)],
    ['sale_closes_at', ({ saleClosesAtMs }) => timeText(saleClosesAtMs)],
    ['max_holds', ({ maxHolds }) => String(maxHolds ?? 'the setting')],
    ['hold_seconds', ({ holdTtlMs }) => (holdTtlMs === undefined ? 'the setting' : String(holdTtlMs / 1000))],
  ];
  return facts.flatMap(([fact, text]) => changeOf(fact, text(before), text(after)));
}

const timeText = (timeMs: number | undefined): string =>
  timeMs === undefined ? 'none' : new Date(timeMs).toISOString();
