import type { ShowDetails, ShowSummary } from '../protocol/show.ts';
import { priceFormat, priceRangeText } from '../shows/price-format.ts';
import { zonedTimeText } from '../shows/time-text.ts';

/** HTML of shows, for the server and for the page. Knows no DOM. Names come from show files, so they are escaped. */

/** The server renders in English; the page then writes times in the user's own language. */
const locale = 'en';

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The list of shows, as list items. */
export function showListHtml(shows: readonly ShowSummary[]): string {
  return shows.map(showHtml).join('');
}

function showHtml(show: ShowSummary): string {
  const facts = [
    show.starts_at !== undefined && timeHtml(show.starts_at),
    `${show.seats.toLocaleString(locale)} seats`,
    pricesText(show),
  ];
  return (
    `<li class="show ${show.sale}"><a href="/shows/${show.id}"><span class="show-name">${escapeHtml(show.name)}</span></a>` +
    `<span class="show-facts">${facts.filter(Boolean).join(' · ')}</span>` +
    `<span class="sale ${show.sale}">${saleHtml(show)}</span></li>`
  );
}

/** "Fri, 21 June 2030, 18:00 UTC · 9,930 seats" */
export function showFactsHtml(show: ShowSummary): string {
  const facts = [
    show.starts_at !== undefined && timeHtml(show.starts_at),
    `<span class="sale ${show.sale}">${saleHtml(show)}</span>`,
  ];
  return facts.filter(Boolean).join(' ');
}

/** Whether seats are on sale, and until or from when. */
function saleHtml({
  sale,
  sale_opens_at: opensAt,
  sale_closes_at: closesAt,
  starts_at: startsAt,
}: ShowSummary): string {
  switch (sale) {
    case 'upcoming':
      return opensAt === undefined ? 'Not on sale yet' : `On sale from ${timeHtml(opensAt)}`;
    case 'open':
      return closesAt === undefined || isNear(closesAt, startsAt) ? 'On sale' : `On sale until ${timeHtml(closesAt)}`;
    case 'closed':
      return 'Sale closed';
  }
}

/** A sale that closes shortly before the show, as most do, needs no second time. */
function isNear(closesAt: string, startsAt = ''): boolean {
  return Math.abs(Date.parse(startsAt) - Date.parse(closesAt)) < 86_400_000;
}

/** "Free seats: 5,466 of 9,930" */
export function freeSeatsHtml({ counts, seats }: Pick<ShowDetails, 'counts' | 'seats'>): string {
  return `<p>Free seats: ${counts.available.toLocaleString(locale)} of ${seats.toLocaleString(locale)}</p>`;
}

/** Prices by category and ticket type, as rows of a table; empty for a free show. */
export function pricesHtml({ currency, categories, ticket_types: types = [] }: ShowDetails): string {
  if (currency === undefined || types.length === 0) return '';
  const format = priceFormat(currency, { locale });
  const head = types.map((type) => `<th scope="col">${escapeHtml(type)}</th>`).join('');
  const rows = categories.map(({ name, prices = {} }) => {
    const cells = types.map((type) => `<td>${prices[type] === undefined ? '' : escapeHtml(format(prices[type]))}</td>`);
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  return `<table><caption>Prices</caption><thead><tr><td></td>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function pricesText({ currency, lowest_price: lowest, highest_price: highest }: ShowSummary): string {
  if (currency === undefined || lowest === undefined || highest === undefined) return 'free';
  const format = priceFormat(currency, { locale });
  return escapeHtml(priceRangeText(lowest, highest, format));
}

function timeHtml(iso: string): string {
  return `<time datetime="${escapeHtml(iso)}">${escapeHtml(zonedTimeText(iso, locale))}</time>`;
}
