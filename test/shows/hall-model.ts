import type { BestRequest } from '../../src/shows/best-seats.ts';
import type { PlanDocument, PlanSeat } from '../../src/shows/plan-document.ts';

/** One way to place a group, and how good it is: the first number that differs decides, and smaller is better. */
export interface Placing {
  ids: string[];
  rank: number[];
}

interface ModelSeat extends PlanSeat {
  section: number;
  row: number;
  right: ModelSeat | undefined;
  left: ModelSeat | undefined;
}

/** The rules of best available seats, implemented again as simply as possible, however slow. */
export class HallModel {
  readonly #document: PlanDocument;
  readonly #seats: ModelSeat[] = [];
  readonly #free: ReadonlySet<string>;

  constructor(document: PlanDocument, free: ReadonlySet<string>) {
    this.#document = document;
    this.#free = free;
    let row = 0;
    for (const [section, { rows }] of document.sections.entries()) {
      for (const { category, seats } of rows) {
        const own = seats.map((seat) => ({ category, ...seat, section, row, right: undefined, left: undefined }));
        for (const [i, seat] of own.entries()) this.#join(seat, own[i + 1]);
        this.#seats.push(...own);
        row++;
      }
    }
  }

  /** All ways to place the group together, or else all ways to split it. */
  placings(request: BestRequest): Placing[] {
    const together = this.#blocks(request.count, request, request.accessible === true).map((block) => ({
      ids: block.map(({ id }) => id),
      rank: [
        this.#lacksCompanion(block, request),
        this.singlesAfter(block.map(({ id }) => id)).length,
        this.#spareCompanions(block, request),
        this.#band(block),
      ],
    }));
    return together.length > 0 ? together : this.#splits(request);
  }

  /** Free ordinary seats that have no free ordinary neighbour once these are taken, but had one before. */
  singlesAfter(taken: readonly string[]): string[] {
    const isOpen = (seat: ModelSeat | undefined) =>
      seat !== undefined && this.#isOrdinary(seat) && this.#free.has(seat.id);
    const isOpenAfter = (seat: ModelSeat | undefined) => isOpen(seat) && !taken.includes((seat as ModelSeat).id);
    return this.#seats
      .filter((seat) => isOpenAfter(seat) && (isOpen(seat.left) || isOpen(seat.right)))
      .filter((seat) => !isOpenAfter(seat.left) && !isOpenAfter(seat.right))
      .map(({ id }) => id);
  }

  /** Free places in one row for a block of as many ordinary seats of the same categories, these being free too. */
  sameRowPlaces(ids: readonly string[]): string[][] {
    const block = this.#seats.filter(({ id }) => ids.includes(id));
    const categories = (seats: readonly ModelSeat[]) => JSON.stringify(seats.map(({ category }) => category).sort());
    return this.#blocks(ids.length, { count: ids.length }, false)
      .filter((place) => place[0]?.row === block[0]?.row && categories(place) === categories(block))
      .map((place) => place.map(({ id }) => id));
  }

  /** Ids of all blocks of one to four ordinary neighbours; of a single seat if there are none. */
  ordinaryBlocks(): string[][] {
    const blocks = [1, 2, 3, 4].flatMap((count) => this.#blocks(count, { count }, false));
    return blocks.length > 0 ? blocks.map((block) => block.map(({ id }) => id)) : [[this.#seats[0]?.id ?? '']];
  }

  #splits(request: BestRequest): Placing[] {
    const { count, accessible = false } = request;
    const placings: Placing[] = [];
    for (let first = 1; first < count; first++) {
      const second = count - first;
      if (!accessible && first < second) continue;
      const parts = this.#blocks(first, request, accessible).filter(
        (part) => accessible || this.#isAtEnd(part, request),
      );
      const others = this.#blocks(second, request, false).filter((part) => this.#isAtEnd(part, request));
      for (const part of parts) {
        for (const other of others) {
          const [a, b] = [part[0] as ModelSeat, other[0] as ModelSeat];
          const isNear = a.section === b.section && Math.abs(a.row - b.row) <= 2;
          if (!isNear || part.some((seat) => other.includes(seat))) continue;
          const ids = [...part, ...other].map(({ id }) => id);
          const lone = count > 2 && Math.min(first, second) === 1 ? 1 : 0;
          const lacks = accessible && part.length === 1 ? 1 : this.#lacksCompanion(part, request);
          const gap = Math.floor(distance(middle(part), middle(other)) / (5 * (this.#pitch(a.section) || 1)));
          const singles = this.singlesAfter(ids).length;
          placings.push({
            ids,
            rank: [2 * lacks + lone, gap, Math.abs(first - second), singles, this.#band([...part, ...other])],
          });
        }
      }
    }
    return placings;
  }

  /** Neighbours that the request may have: with exactly one accessible seat, or ordinary ones only. */
  #blocks(size: number, request: BestRequest, hasAccessible: boolean): ModelSeat[][] {
    return this.#seats.flatMap((seat) => {
      const block: ModelSeat[] = [];
      for (let next: ModelSeat | undefined = seat; next && block.length < size; next = next.right) block.push(next);
      if (block.length < size || !block.every((each) => this.#isUsable(each, request, hasAccessible))) return [];
      const accessible = block.filter(({ flags }) => flags?.includes('accessible')).length;
      return accessible === (hasAccessible ? 1 : 0) ? [block] : [];
    });
  }

  #isUsable(seat: ModelSeat, { category, section }: BestRequest, hasAccessible: boolean): boolean {
    return (
      this.#free.has(seat.id) &&
      (hasAccessible || this.#isOrdinary(seat)) &&
      (category === undefined || seat.category === category) &&
      (section === undefined || this.#document.sections[seat.section]?.name === section)
    );
  }

  #isOrdinary({ flags = [] }: PlanSeat): boolean {
    return !flags.includes('accessible') && !flags.includes('companion');
  }

  #isAtEnd(part: readonly ModelSeat[], request: BestRequest): boolean {
    const ends = [part[0]?.left, part.at(-1)?.right];
    return ends.some((seat) => !seat || !this.#isUsable(seat, request, false));
  }

  #lacksCompanion(block: readonly ModelSeat[], { accessible }: BestRequest): number {
    if (!accessible || block.length === 1) return 0;
    const place = block.findIndex(({ flags }) => flags?.includes('accessible'));
    return [block[place - 1], block[place + 1]].some((seat) => isCompanion(seat)) ? 0 : 1;
  }

  #spareCompanions(block: readonly ModelSeat[], { accessible }: BestRequest): number {
    return accessible ? Math.max(0, block.filter(isCompanion).length - 1) : 0;
  }

  #band(seats: readonly ModelSeat[]): number {
    const hundredths = (seat: PlanSeat) => Math.round(distance(seat, this.#document.focal_point) * 100);
    const all = this.#seats.map(hundredths);
    const [nearest, farthest] = [Math.min(...all), Math.max(...all)];
    const sum = seats.reduce((total, seat) => total + hundredths(seat), 0);
    return Math.floor((20 * (sum - nearest * seats.length)) / ((farthest - nearest + 1) * seats.length));
  }

  #join(seat: ModelSeat, next: ModelSeat | undefined): void {
    if (!next || seat.aisle_after || distance(seat, next) > 1.5 * this.#pitch(seat.section)) return;
    seat.right = next;
    next.left = seat;
  }

  #pitch(section: number): number {
    const rows = this.#document.sections[section]?.rows ?? [];
    const distances = rows.flatMap(({ seats }) =>
      seats.slice(1).map((seat, i) => distance(seat, seats[i] as PlanSeat)),
    );
    return distances.sort((a, b) => a - b)[(distances.length - 1) >> 1] ?? 0;
  }
}

const isCompanion = (seat: PlanSeat | undefined): boolean =>
  seat?.flags?.includes('companion') === true && !seat.flags.includes('accessible');

const distance = (a: { x: number; y: number }, b: { x: number; y: number }): number =>
  Math.sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2);

function middle(seats: readonly PlanSeat[]): { x: number; y: number } {
  const sum = (of: 'x' | 'y') => seats.reduce((total, seat) => total + seat[of], 0);
  return { x: sum('x') / seats.length, y: sum('y') / seats.length };
}
