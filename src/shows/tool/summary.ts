import { planHash } from '../plan-hash.ts';
import { priceFormat } from '../price-format.ts';
import type { SeatingPlan } from '../seating-plan.ts';
import { type Pricing, priceOf, type Show, saleState } from '../show.ts';
import { hallTimeText } from '../time-text.ts';

/** The show, its plan and its prices as text. */
export function summaryOf(show: Show, nowMs: number): string {
  const { name, startsAtMs, utcOffsets, plan } = show;
  const start = startsAtMs === undefined ? 'no date' : `starts ${hallTimeText(startsAtMs, utcOffsets?.starts_at)}`;
  return [
    `"${name}", ${start}, sale ${saleState(show, nowMs)}`,
    `  ${plural(plan.size, 'seat')} in ${plural(plan.sections.length, 'section')} and ${plural(plan.rows.length, 'row')}${flagText(plan)}; plan ${planHash(plan).slice(0, 12)}`,
    ...plan.categories.map((category) => `  ${categoryLine(category, show)}`),
  ].join('\n');
}

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function flagText(plan: SeatingPlan): string {
  const counts = new Map<string, number>();
  for (const index of plan.ids.keys()) {
    for (const flag of plan.flags(index)) counts.set(flag, (counts.get(flag) ?? 0) + 1);
  }
  return [...counts].map(([flag, count]) => `, ${count} ${flag}`).join('');
}

function categoryLine(category: string, show: Show): string {
  const { plan, pricing } = show;
  const seats = [...plan.ids.keys()].filter((index) => plan.category(index) === category);
  const prices = pricing?.ticketTypes.map(
    (type) => `${type} ${money(priceOf(show, seats[0] ?? 0, type) ?? 0, pricing)}`,
  );
  return `${category}: ${plural(seats.length, 'seat')}, ${prices?.join(', ') ?? 'free'}`;
}

/** "EUR 25.00", with a plain space. */
const money = (amount: number, { currency }: Pricing): string =>
  priceFormat(currency, { locale: 'en', hasCode: true })(amount).replace('\u00a0', ' ');
