import type { ShowDetails, ShowSummary } from '../protocol/show.ts';
import { planHash } from '../shows/plan-hash.ts';
import { type Show, saleState } from '../shows/show.ts';
import { statusCounts } from '../venue/status-counts.ts';
import type { ShowOnSale } from './shows-on-sale.ts';
import { holdSettings } from './venue-settings.ts';

/** As a field of a reply, unless there is no such time. */
const timeField = <Name extends string>(name: Name, timeMs: number | undefined): { [_ in Name]?: string } =>
  timeMs === undefined ? {} : ({ [name]: new Date(timeMs).toISOString() } as { [_ in Name]: string });

export function summaryOf(show: Show, nowMs: number, refusal?: Error): ShowSummary {
  const { id, name, startsAtMs, saleOpensAtMs, saleClosesAtMs, pricing, plan } = show;
  const prices = [...(pricing?.prices.values() ?? [])].flatMap((ofCategory) => [...ofCategory.values()]);
  return {
    id,
    name,
    ...timeField('starts_at', startsAtMs),
    sale: saleState(show, nowMs),
    ...(refusal && { unavailable: true as const }),
    ...timeField('sale_opens_at', saleOpensAtMs),
    ...timeField('sale_closes_at', saleClosesAtMs),
    ...(pricing && {
      currency: pricing.currency,
      lowest_price: Math.min(...prices),
      highest_price: Math.max(...prices),
    }),
    seats: plan.size,
  };
}

export function detailsOf({ show, rules, service }: ShowOnSale): ShowDetails {
  const { pricing, categories } = show;
  return {
    ...summaryOf(show, service.storeClock.nowMs()),
    categories: categories.map(({ name, colour }) => {
      const prices = pricing?.prices.get(name);
      return { name, colour, ...(prices && { prices: Object.fromEntries(prices) }) };
    }),
    ...(pricing && { ticket_types: [...pricing.ticketTypes] }),
    plan: planHash(show.plan),
    single_seats: show.singleSeats,
    ...holdSettings(rules),
    position: service.view.position,
    counts: statusCounts(service.view.seats),
  };
}
