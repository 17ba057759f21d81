import { BestOffer, rankOf } from './best-offer.ts';
import type { Block } from './free-seats.ts';
import { partyIn } from './party.ts';
import type { SeatSearch } from './seat-search.ts';

/** The two parts are at most this many rows apart. */
const nearRows = 2;
/** Distances between the parts are compared in steps of this many seats. */
const gapStepSeats = 5;

/** A part of a group that does not sit together. */
interface Part extends Block {
  row: number;
  section: number;
  /** Its middle. */
  x: number;
  y: number;
  /** 1 if its accessible seat has no companion seat next to it. */
  lacksCompanion: number;
}

/**
 * Two parts in one section: rather with a companion next to the accessible seat, nobody alone, near each other, of
 * similar size, without leaving a single seat, near the focal point. A part stands at an end of its run of free seats.
 */
export function splitOffer(search: SeatSearch): readonly Block[] | undefined {
  const best = new BestOffer(search.seed);
  for (const [first, second] of partitions(search)) addPairs(first, second, search, best);
  return best.blocks;
}

/** Sizes of the two parts. The accessible seat, if one is needed, is in the first of them. */
function partitions({ count, needsAccessible }: SeatSearch): [number, number][] {
  const firsts = Array.from({ length: count - 1 }, (_, i) => i + 1);
  return firsts
    .filter((first) => needsAccessible || first >= count - first)
    .map((first): [number, number] => [first, count - first]);
}

function addPairs(firstSize: number, secondSize: number, search: SeatSearch, best: BestOffer): void {
  const { free, nearness } = search;
  const isLone = search.count > 2 && Math.min(firstSize, secondSize) === 1 ? 1 : 0;
  const imbalance = Math.abs(firstSize - secondSize);
  if (!best.mayKeep(rankOf(isLone, 0, imbalance, 0, 0))) return;
  const firsts = search.needsAccessible ? accessibleParts(firstSize, search) : ordinaryParts(firstSize, search);
  const seconds = firsts.length === 0 ? [] : ordinaryParts(secondSize, search);
  eachNearPair(firsts, seconds, (part, other) => {
    const alone = 2 * part.lacksCompanion + isLone;
    const gap = gapBetween(part, other, search);
    if (!best.mayKeep(rankOf(alone, gap, imbalance, 0, 0))) return;
    const blocks = [part, other];
    const band = nearness.band(blocks);
    if (!best.mayKeep(rankOf(alone, gap, imbalance, 0, band))) return;
    best.add(rankOf(alone, gap, imbalance, free.newSingles(blocks).length, band), blocks);
  });
}

/** Blocks at the ends of runs, in the order of the plan. */
function ordinaryParts(size: number, search: SeatSearch): Part[] {
  const parts: Part[] = [];
  for (const { start, end } of search.ordinaryRuns) {
    const last = end - size;
    if (last < start) continue;
    parts.push(partAt(start, size, 0, search));
    if (last > start) parts.push(partAt(last, size, 0, search));
  }
  return parts;
}

/** Every block with one accessible seat, in the order of the plan. */
function accessibleParts(size: number, search: SeatSearch): Part[] {
  const parts: Part[] = [];
  for (const { start, end } of search.accessibleRuns) {
    for (let first = start; first + size <= end; first++) {
      const party = partyIn(first, first + size, search.free);
      if (party) parts.push(partAt(first, size, size === 1 ? 1 : party.lacksCompanion, search));
    }
  }
  return parts;
}

function partAt(start: number, size: number, lacksCompanion: number, { free: { plan } }: SeatSearch): Part {
  const end = start + size;
  let [x, y] = [0, 0];
  for (let index = start; index < end; index++) {
    x += plan.x(index);
    y += plan.y(index);
  }
  const row = plan.rowOf(start);
  return { start, end, row, section: plan.sectionOf(start), x: x / size, y: y / size, lacksCompanion };
}

/** Calls back for every pair of separate parts in near rows of one section. */
function eachNearPair(
  firsts: readonly Part[],
  seconds: readonly Part[],
  onPair: (part: Part, other: Part) => void,
): void {
  let from = 0;
  for (const part of firsts) {
    while ((seconds[from]?.row ?? Number.POSITIVE_INFINITY) < part.row - nearRows) from++;
    for (let i = from; i < seconds.length; i++) {
      const other = seconds[i] as Part;
      if (other.row > part.row + nearRows) break;
      const isSeparate = other.start >= part.end || other.end <= part.start;
      if (isSeparate && other.section === part.section) onPair(part, other);
    }
  }
}

function gapBetween(part: Part, other: Part, { free: { plan } }: SeatSearch): number {
  const [dx, dy] = [other.x - part.x, other.y - part.y];
  const pitch = plan.sections[part.section]?.pitch || 1;
  return Math.floor(Math.sqrt(dx * dx + dy * dy) / (gapStepSeats * pitch));
}
