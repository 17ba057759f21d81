import type { PlannedSeat } from '../protocol/seat.ts';
import type { PlanDocument, PlanRow, PlanSeat, Point, SeatFlag } from './plan-document.ts';
import { seatPitch } from './seat-pitch.ts';

/** A seat that stands further than this many pitches from the one before is on the other side of an aisle. */
const aislePitches = 1.5;

const flagBits: Record<SeatFlag, number> = { accessible: 1, companion: 2, 'restricted-view': 4 };
const aisleAfterBit = 8;
const hasRightNeighbourBit = 16;

interface Section {
  readonly name: string;
  /** Usual distance between two neighbours. */
  readonly pitch: number;
}

interface Row {
  readonly label: string;
  /** Index of its section. */
  readonly section: number;
  /** Indexes of its first seat, and of the seat after its last. */
  readonly start: number;
  readonly end: number;
}

/**
 * The fixed part of a show: sections, rows and seats. Immutable. Seats are numbered from 0 in the order of the plan
 * (section by section, front to back, left to right), and stored in columns: an object for each would take ten times as much.
 */
export class SeatingPlan {
  readonly focalPoint: Point;
  readonly sections: readonly Section[];
  readonly rows: readonly Row[];
  /** Names of the categories that seats have, in the order of their first seat. */
  readonly categories: readonly string[];
  readonly #ids: readonly string[];
  readonly #labels: readonly string[];
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #rowOf: Uint16Array;
  readonly #categoryOf: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #x: Float64Array;
  readonly #y: Float64Array;

  /** The document must be valid (see `planProblems`). */
  constructor(document: PlanDocument) {
    const sections: Section[] = [];
    const rows: Row[] = [];
    const seats: PlanSeat[] = [];
    const categoryOf: number[] = [];
    const categories = new Map<string, number>();
    for (const [section, { name, rows: planRows }] of document.sections.entries()) {
      for (const { label, category, seats: rowSeats } of planRows) {
        rows.push({ label, section, start: seats.length, end: seats.length + rowSeats.length });
        for (const seat of rowSeats) {
          const named = seat.category ?? category;
          if (!categories.has(named)) categories.set(named, categories.size);
          categoryOf.push(categories.get(named) as number);
          seats.push(seat);
        }
      }
      sections.push({ name, pitch: seatPitch(planRows.map((row) => row.seats)) });
    }
    this.focalPoint = { x: document.focal_point.x, y: document.focal_point.y };
    this.sections = sections;
    this.rows = rows;
    this.categories = [...categories.keys()];
    this.#ids = seats.map(({ id }) => id);
    this.#labels = seats.map(({ label }) => label);
    this.#indexes = new Map(this.#ids.map((id, index) => [id, index]));
    if (this.#indexes.size !== seats.length) throw new RangeError('Two seats of the plan have one id');
    this.#rowOf = new Uint16Array(seats.length);
    for (const [row, { start, end }] of rows.entries()) this.#rowOf.fill(row, start, end);
    this.#categoryOf = Uint8Array.from(categoryOf);
    this.#flags = Uint8Array.from(seats, bitsOf);
    this.#x = Float64Array.from(seats, ({ x }) => x);
    this.#y = Float64Array.from(seats, ({ y }) => y);
    for (const index of this.#flags.keys())
      if (this.#isNextToFollowing(index)) this.#flags[index] = at(this.#flags, index) | hasRightNeighbourBit;
  }

  get size(): number {
    return this.#ids.length;
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  /** Number of seats in the longest row. */
  get longestRow(): number {
    return this.rows.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  }

  /** The seats as on the wire: `row` counts the rows of the whole plan, `col` the seats of the row. */
  *seats(): Generator<PlannedSeat> {
    for (const index of this.#ids.keys()) yield this.#planned(index);
  }

  /** As on the wire. Undefined if the plan has no such seat. */
  seat(id: string): PlannedSeat | undefined {
    const index = this.#indexes.get(id);
    return index === undefined ? undefined : this.#planned(index);
  }

  /** Index of the seat, undefined if the plan has no such seat. */
  indexOf(id: string): number | undefined {
    return this.#indexes.get(id);
  }

  id(index: number): string {
    return at(this.#ids, index);
  }

  label(index: number): string {
    return at(this.#labels, index);
  }

  x(index: number): number {
    return at(this.#x, index);
  }

  y(index: number): number {
    return at(this.#y, index);
  }

  /** Index of the seat's row in `rows`. */
  rowOf(index: number): number {
    return at(this.#rowOf, index);
  }

  /** Place of the seat in its row, from 0. */
  colOf(index: number): number {
    return index - at(this.rows, this.rowOf(index)).start;
  }

  /** Index of the seat's section in `sections`. */
  sectionOf(index: number): number {
    return at(this.rows, this.rowOf(index)).section;
  }

  category(index: number): string {
    return at(this.categories, at(this.#categoryOf, index));
  }

  has(index: number, flag: SeatFlag): boolean {
    return (at(this.#flags, index) & flagBits[flag]) !== 0;
  }

  flags(index: number): SeatFlag[] {
    return (Object.keys(flagBits) as SeatFlag[]).filter((flag) => this.has(index, flag));
  }

  distanceToFocalPoint(index: number): number {
    return distance(this.x(index) - this.focalPoint.x, this.y(index) - this.focalPoint.y);
  }

  /** True if the next seat of the plan is a neighbour: in the same row, and not across an aisle. */
  hasRightNeighbour(index: number): boolean {
    return (at(this.#flags, index) & hasRightNeighbourBit) !== 0;
  }

  /** For people: "Stalls, row C, seat 5". */
  describe(index: number): string {
    const { label, section } = at(this.rows, this.rowOf(index));
    return `${at(this.sections, section).name}, row ${label}, seat ${this.label(index)}`;
  }

  /** In one form for equal plans, however they were written. */
  toDocument(): PlanDocument {
    const rowsOf = (section: number) => this.rows.filter((row) => row.section === section);
    return {
      focal_point: { ...this.focalPoint },
      sections: this.sections.map(({ name }, section) => ({
        name,
        rows: rowsOf(section).map((row) => this.#rowDocument(row)),
      })),
    };
  }

  #planned(index: number): PlannedSeat {
    return { id: this.id(index), row: this.rowOf(index), col: this.colOf(index) };
  }

  #isNextToFollowing(index: number): boolean {
    const row = at(this.rows, this.rowOf(index));
    if (index + 1 === row.end || (at(this.#flags, index) & aisleAfterBit) !== 0) return false;
    const { pitch } = at(this.sections, row.section);
    const [dx, dy] = [this.x(index + 1) - this.x(index), this.y(index + 1) - this.y(index)];
    return distance(dx, dy) <= aislePitches * pitch;
  }

  #rowDocument({ label, start, end }: Row): PlanRow {
    const category = this.category(start);
    return { label, category, seats: range(start, end).map((index) => this.#seatDocument(index, category)) };
  }

  #seatDocument(index: number, rowCategory: string): PlanSeat {
    const seat: PlanSeat = { id: this.id(index), label: this.label(index), x: this.x(index), y: this.y(index) };
    const category = this.category(index);
    if (category !== rowCategory) seat.category = category;
    const flags = this.flags(index);
    if (flags.length > 0) seat.flags = flags;
    if ((at(this.#flags, index) & aisleAfterBit) !== 0) seat.aisle_after = true;
    return seat;
  }
}

function bitsOf({ flags = [], aisle_after: isAisleAfter }: PlanSeat): number {
  return flags.reduce((bits, flag) => bits | flagBits[flag], isAisleAfter ? aisleAfterBit : 0);
}

/** Much faster than `Math.hypot`. */
const distance = (dx: number, dy: number): number => Math.sqrt(dx * dx + dy * dy);

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

function at<T>(values: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`Index ${index}: there are ${values.length}`);
  return value;
}
