import type { SeatFlag } from '../../shows/plan-document.ts';
import { priceRangeText } from '../../shows/price-format.ts';
import type { SeatingPlan } from '../../shows/seating-plan.ts';
import { type SeatAppearance, seatAppearance } from '../seat-appearance.ts';
import type { MapOptions } from './map-options.ts';

const defaultColour = '#17803f';

/** More would not fit into a line. */
const listedTypesAtMost = 3;

const flags: readonly SeatFlag[] = ['accessible', 'companion', 'restricted-view'];

/** The seat in words and colours, the same in every view. undefined: the plan has no such seat, or its state is unknown. */
export function lookOf(
  { plan, words, seat: seatOf, isPending, ...prices }: MapOptions,
  id: string,
  userId: string,
): (SeatAppearance & { isPending: boolean }) | undefined {
  const index = plan.indexOf(id);
  const seat = seatOf(id);
  if (index === undefined || !seat) return undefined;
  const details = [priceOf(index, { plan, ...prices }), words.flags(index)].filter(Boolean).join(', ');
  const place = { number: plan.label(index), place: words.place(index), details };
  return { ...seatAppearance(seat, userId, place), isPending: isPending(id) };
}

/** "€75.00", "from €50.00" if that depends on the ticket type; undefined if the show is free. */
function priceOf(
  index: number,
  { plan, categories, formatPrice }: Pick<MapOptions, 'plan' | 'categories' | 'formatPrice'>,
): string | undefined {
  return priceRange([plan.category(index)], { categories }, formatPrice) || undefined;
}

/** "adult €75.00, child €50.00"; as `priceOf` if there is only one price, or no room for all of them. */
export function pricesByType(
  index: number,
  options: Pick<MapOptions, 'plan' | 'categories' | 'formatPrice'>,
): string | undefined {
  const { plan, categories, formatPrice } = options;
  const prices = [...(categories.get(plan.category(index))?.prices ?? [])];
  const isOne = new Set(prices.map(([, amount]) => amount)).size < 2;
  if (isOne || prices.length > listedTypesAtMost) return priceOf(index, options);
  return prices.map(([type, amount]) => `${type} ${formatPrice(amount)}`).join(', ');
}

/** A button for the seat; drawn later, as its state is known. */
export function seatButton({ plan, categories }: MapOptions, index: number): HTMLButtonElement {
  const id = plan.id(index);
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'seat';
  button.id = `seat-${id}`;
  button.dataset.seatId = id;
  const { colour = defaultColour } = categories.get(plan.category(index)) ?? {};
  button.style.setProperty('--colour', colour);
  button.style.setProperty('--on-colour', textColourOn(colour));
  const text = document.createElement('span');
  text.className = 'seat-text';
  text.textContent = plan.label(index);
  button.append(text);
  return button;
}

/** Classes for the special features of the seat. */
export function flagClasses({ plan }: Pick<MapOptions, 'plan'>, index: number): string {
  return flags.filter((flag) => plan.has(index, flag)).join(' ');
}

/** The categories of the seats from index `start` to before `end`; they may differ within a row. */
export function categoriesOf(plan: SeatingPlan, { start, end }: { start: number; end: number }): ReadonlySet<string> {
  const categories = new Set<string>();
  for (let seat = start; seat < end; seat++) categories.add(plan.category(seat));
  return categories;
}

/** "€39.00 – €55.00" of these categories; "from €25.00" if prices depend on the ticket type as well. */
export function priceRange(
  names: Iterable<string>,
  { categories }: Pick<MapOptions, 'categories'>,
  formatPrice: (amount: number) => string,
): string {
  const byCategory = [...names].map((name) => [...(categories.get(name)?.prices.values() ?? [])]);
  const amounts = byCategory.flat();
  if (amounts.length === 0) return '';
  const dependsOnType = byCategory.some((own) => new Set(own).size > 1);
  if (dependsOnType) return `from ${formatPrice(Math.min(...amounts))}`;
  return priceRangeText(Math.min(...amounts), Math.max(...amounts), formatPrice);
}

/** Black or white, whichever has more contrast on #rrggbb. */
export function textColourOn(colour: string): string {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  // The luminance at which both have a contrast of 4.58.
  return luminance > 0.179 ? '#000000' : '#ffffff';
}
