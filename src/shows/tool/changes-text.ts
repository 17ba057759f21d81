import type { Change } from '../plan-changes.ts';
import type { ShowChanges } from '../show-changes.ts';
import { plural } from './summary.ts';

const maxListed = 10;

/** The effects of a changed file, for its author. */
export function changesText({ added, removed, moved, recategorised, reflagged, prices, facts }: ShowChanges): string {
  const lines = [
    ...seatLines('added', added),
    ...seatLines('removed', removed),
    ...seatLines('moved', moved.map(changeText)),
    ...seatLines('in another category', recategorised.map(changeText)),
    ...seatLines('with other flags', reflagged.map(changeText)),
    ...listed(prices.map((change) => `price of ${changeText(change)}`)),
    ...facts.map(changeText),
  ];
  if (lines.length === 0) return '  no difference';
  const isRisky = removed.length + moved.length > 0;
  const rule =
    'Seats can be removed or moved only while they are free: if one of them is held or sold, the change is refused.';
  return [...lines.map((line) => `  ${line}`), ...(isRisky ? [rule] : [])].join('\n');
}

function seatLines(what: string, seats: readonly string[]): string[] {
  return seats.length === 0 ? [] : [`${plural(seats.length, 'seat')} ${what}: ${listed(seats).join('; ')}`];
}

function listed(items: readonly string[]): string[] {
  const more = items.length - maxListed;
  return more > 0 ? [...items.slice(0, maxListed), `and ${more} more`] : [...items];
}

const changeText = ({ of, from, to }: Change): string => `${of}: ${from} → ${to}`;
