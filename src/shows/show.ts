import type { SeatingPlan } from './seating-plan.ts';
import type { Category } from './show-file.ts';

/** A show without it is free: a booking needs no payment. */
export interface Pricing {
  readonly currency: string;
  /** The first is the default. */
  readonly ticketTypes: readonly string[];
  /** In minor units of the currency, by category and ticket type. */
  readonly prices: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export type UtcOffsets = Partial<Record<'starts_at' | 'sale_opens_at' | 'sale_closes_at', number | undefined>>;

/** One performance on sale. */
export interface Show {
  readonly id: string;
  readonly name: string;
  /** undefined: it has no date, and its sale never closes. */
  readonly startsAtMs: number | undefined;
  /** undefined: the sale is open. */
  readonly saleOpensAtMs: number | undefined;
  readonly saleClosesAtMs: number | undefined;
  /** Minutes east of UTC of these times in the file: the clock of the hall. Absent: the file has them in UTC. */
  readonly utcOffsets?: UtcOffsets;
  readonly categories: readonly Category[];
  readonly pricing: Pricing | undefined;
  /** undefined: the setting of the process applies. */
  readonly maxHolds: number | undefined;
  readonly holdTtlMs: number | undefined;
  /** The reaction to a choice that leaves a single seat: the page warns, or the server refuses it too. */
  readonly singleSeats: 'warn' | 'refuse';
  readonly plan: SeatingPlan;
}

export type SaleState = 'upcoming' | 'open' | 'closed';

export function saleState({ saleOpensAtMs = 0, saleClosesAtMs = Infinity }: Show, nowMs: number): SaleState {
  if (nowMs >= saleClosesAtMs) return 'closed';
  return nowMs < saleOpensAtMs ? 'upcoming' : 'open';
}

/** Price of a seat in minor units. undefined: the show is free, or has no such ticket type. */
export function priceOf(
  { plan, pricing }: Show,
  seat: number,
  ticketType = pricing?.ticketTypes[0],
): number | undefined {
  return ticketType === undefined ? undefined : pricing?.prices.get(plan.category(seat))?.get(ticketType);
}
