import { BestOffer, rankOf } from './best-offer.ts';
import { type Block, FreeSeats } from './free-seats.ts';
import { Nearness } from './nearness.ts';
import { ordinaryParty, partyIn } from './party.ts';
import type { SeatSearch } from './seat-search.ts';
import type { SeatingPlan } from './seating-plan.ts';
import { splitOffer } from './split-offer.ts';

export interface BestRequest {
  count: number;
  category?: string;
  /** Name of a section. */
  section?: string;
  /** One seat for a wheelchair user and, from a count of 2, a seat next to it for a companion. */
  accessible?: boolean;
}

export interface Offer {
  /** Ids, from left to right; of a split group part by part. */
  seats: string[];
  isSplit: boolean;
}

/**
 * The best free seats for a group: neighbours in one row without leaving a single seat; else neighbours that leave one;
 * else two parts near each other in one section; undefined if there are none. Among these the nearest to the focal point.
 * The seed chooses between offers that are equally good, so that requests of one moment get different seats.
 */
export function bestSeats(
  plan: SeatingPlan,
  isFree: (id: string) => boolean,
  request: BestRequest,
  seed: number,
): Offer | undefined {
  const { count, accessible: needsAccessible = false } = request;
  const free = new FreeSeats(plan, isFree);
  const isWanted = wantedBy(request, plan);
  const search: SeatSearch = {
    free,
    count,
    needsAccessible,
    ordinaryRuns: free.runs((index) => free.is('ordinary', index) && isWanted(index)),
    accessibleRuns: needsAccessible ? free.runs((index) => free.isFree(index) && isWanted(index)) : [],
    nearness: Nearness.of(plan),
    seed,
  };
  const blocks = offerTogether(search) ?? splitOffer(search);
  return (
    blocks && { seats: blocks.flatMap(({ start, end }) => plan.ids.slice(start, end)), isSplit: blocks.length > 1 }
  );
}

function wantedBy({ category, section }: BestRequest, plan: SeatingPlan): (index: number) => boolean {
  if (category === undefined && section === undefined) return () => true;
  return (index) =>
    (category === undefined || plan.category(index) === category) &&
    (section === undefined || plan.sections[plan.sectionOf(index)]?.name === section);
}

function offerTogether(search: SeatSearch): readonly Block[] | undefined {
  const { free, count, needsAccessible, nearness } = search;
  const best = new BestOffer(search.seed);
  for (const run of needsAccessible ? search.accessibleRuns : search.ordinaryRuns) {
    for (let start = run.start; start + count <= run.end; start++) {
      const blocks = [{ start, end: start + count }];
      const party = needsAccessible ? partyIn(start, start + count, free) : ordinaryParty;
      if (!party) continue;
      const band = nearness.band(blocks);
      const least = rankOf(party.lacksCompanion, 0, party.spareCompanions, band);
      if (!best.mayKeep(least)) continue;
      const singles = free.newSingles(blocks).length;
      best.add(rankOf(party.lacksCompanion, singles, party.spareCompanions, band), blocks);
    }
  }
  return best.blocks;
}
