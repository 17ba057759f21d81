import type { ShowDetails } from '../protocol/show.ts';
import { timeText } from '../shows/time-text.ts';

/** Why no seat can be chosen: the sale is not open. undefined: it is. */
export function saleClosedText({ sale, sale_opens_at: opensAt }: ShowDetails): string | undefined {
  switch (sale) {
    case 'open':
      return undefined;
    case 'upcoming':
      return opensAt === undefined ? 'The sale has not begun yet.' : `The sale begins ${timeText(opensAt)}.`;
    case 'closed':
      return 'The sale is closed.';
  }
}

/** When the sale opens or closes next, in Unix milliseconds. undefined: never. */
export function nextSaleChangeMs({ sale, sale_opens_at: opensAt, sale_closes_at: closesAt }: ShowDetails) {
  const at = sale === 'upcoming' ? opensAt : sale === 'open' ? closesAt : undefined;
  const ms = Date.parse(at ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
