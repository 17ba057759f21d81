import type { ShowDetails, ShowSummary } from '../protocol/show.ts';
import { localIso } from '../shows/local-time.ts';
import { planHash } from '../shows/plan-hash.ts';
import { type Show, saleState, type UtcOffsets } from '../shows/show.ts';
import { statusCounts } from '../venue/status-counts.ts';
import type { ShowOnSale } from './shows-on-sale.ts';
import { holdSettings } from './venue-settings.ts';

/** As a field of a reply, with the offset of the hall, unless there is no such time. */
export function timeField<Name extends keyof UtcOffsets>(
  name: Name,
  timeMs: number | undefined,
  offsets: UtcOffsets = {},
): { [_ in Name]?: string } {
  if (timeMs === undefined) return {};
  return { [name]: localIso(timeMs, offsets[name]) } as { [_ in Name]: string };
}

export function summaryOf(show: Show, nowMs: number, refusal?: Error): ShowSummary {
  const { id, name, startsAtMs, saleOpensAtMs, saleClosesAtMs, utcOffsets, pricing, plan } = show;
  const prices = [...(pricing?.prices.values() ?? [])].flatMap((ofCategory) => [...ofCategory.values()]);
  return {
    id,
    name,
    ...timeField('starts_at', startsAtMs, utcOffsets),
    sale: saleState(show, nowMs),
    ...(refusal && { unavailable: true as const }),
    ...timeField('sale_opens_at', saleOpensAtMs, utcOffsets),
    ...timeField('sale_closes_at', saleClosesAtMs, utcOffsets),
    ...(pricing && {
      currency: pricing.currency,
      lowest_price: Math.min(...prices),
      highest_price: Math.max(...prices),
    }),
    seats: plan.size,
  };
}

/** `hasCheckout`: shows with prices are sold by orders. */
export function detailsOf({ show, rules, service }: ShowOnSale, hasCheckout: boolean): ShowDetails {
  const { pricing, categories } = show;
  return {
    ...summaryOf(show, service.storeClock.nowMs()),
    categories: categories.map(({ name, colour }) => {
      const prices = pricing?.prices.get(name);
      return { name, colour, ...(prices && { prices: Object.fromEntries(prices) }) };
    }),
    ...(pricing && hasCheckout && { checkout: true as const }),
    ...(pricing && { ticket_types: [...pricing.ticketTypes] }),
    plan: planHash(show.plan),
    single_seats: show.singleSeats,
    ...holdSettings(rules),
    position: service.view.position,
    counts: statusCounts(service.view.seats),
  };
}
