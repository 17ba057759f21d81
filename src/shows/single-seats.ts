import { type Block, FreeSeats } from './free-seats.ts';
import type { SeatingPlan } from './seating-plan.ts';

export interface SingleSeats {
  /** Ids of the seats that would be left alone. */
  left: string[];
  /** As many seats in the same rows and categories that leave fewer seats alone. undefined: there are none. */
  instead: string[] | undefined;
}

/**
 * The single seats that a choice of seats leaves, which hardly anybody buys; undefined if it leaves none.
 * `chosen`: all seats that the user would have. They count as free, so it does not matter whether the user holds some already.
 */
export function leavesSingleSeat(
  plan: SeatingPlan,
  isFree: (id: string) => boolean,
  chosen: readonly string[],
): SingleSeats | undefined {
  const own = new Set(chosen);
  const free = new FreeSeats(plan, (id) => own.has(id) || isFree(id));
  const blocks = free.runs((index) => own.has(plan.id(index)));
  const singles = free.newSingles(blocks);
  if (singles.length === 0) return undefined;
  const better = movedBlocks(blocks, free).toSorted((a, b) => a.start - b.start);
  const ids = better.flatMap(({ start, end }) => plan.ids.slice(start, end));
  return {
    left: singles.map((index) => plan.id(index)),
    instead: free.newSingles(better).length < singles.length ? ids : undefined,
  };
}

/** Moves each block in turn along its row, no further than needed, where that leaves fewer single seats. */
function movedBlocks(blocks: readonly Block[], free: FreeSeats): Block[] {
  return blocks.reduce<Block[]>(
    (moved, block, i) => {
      const others = moved.filter((_, other) => other !== i);
      const singlesWith = (place: Block) => free.newSingles([...others, place]).length;
      const better = placesFor(block, others, free).toSorted((a, b) => {
        return singlesWith(a) - singlesWith(b) || Math.abs(a.start - block.start) - Math.abs(b.start - block.start);
      })[0];
      return better ? moved.with(i, better) : moved;
    },
    [...blocks],
  );
}

/** Free places in the same row for as many seats of the same categories. Protected seats are not moved. */
function placesFor({ start, end }: Block, others: readonly Block[], free: FreeSeats): Block[] {
  const { plan } = free;
  if (plan.ids.slice(start, end).some((_, i) => !free.is('ordinary', start + i))) return [];
  const row = plan.rows[plan.rowOf(start)];
  const categories = categoriesOf({ start, end }, plan);
  const isTaken = (index: number) => others.some((block) => index >= block.start && index < block.end);
  const size = end - start;
  return free
    .runs((index) => plan.rows[plan.rowOf(index)] === row && free.is('ordinary', index) && !isTaken(index))
    .flatMap((run) => Array.from({ length: Math.max(0, run.end - run.start - size + 1) }, (_, i) => run.start + i))
    .map((first) => ({ start: first, end: first + size }))
    .filter((place) => categoriesOf(place, plan) === categories);
}

const categoriesOf = ({ start, end }: Block, plan: SeatingPlan): string =>
  plan.ids
    .slice(start, end)
    .map((_, i) => plan.category(start + i))
    .sort()
    .join('\n');
