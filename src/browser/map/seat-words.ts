import { joined } from '../../shows/generate-plan.ts';
import type { SeatFlag } from '../../shows/plan-document.ts';
import type { SeatingPlan } from '../../shows/seating-plan.ts';

const flagWords: Record<SeatFlag, string> = {
  accessible: 'wheelchair space',
  companion: 'companion seat',
  'restricted-view': 'restricted view',
};

/** Names and descriptions of the seats of a plan. A plan of one section does not name it. */
export class SeatWords {
  readonly #plan: SeatingPlan;

  constructor(plan: SeatingPlan) {
    this.#plan = plan;
  }

  /** "Block 101, row C, seat 5" */
  place(index: number): string {
    const { row, seat } = this.#labels(index);
    return `${this.#section(index, ', ')}${this.#section(index) ? 'row' : 'Row'} ${row}, seat ${seat}`;
  }

  /** "restricted view": the special features of the seat; undefined if it has none. */
  flags(index: number): string | undefined {
    const words = this.#plan.flags(index).map((flag) => flagWords[flag]);
    return words.length > 0 ? words.join(', ') : undefined;
  }

  /** Short names, with a section only where it differs from that of the name before: ["Block 101 C5", "C6"]. */
  names(seatIds: readonly string[]): string[] {
    let before = '';
    return seatIds.map((id) => {
      const index = this.#plan.indexOf(id);
      if (index === undefined) return id;
      const section = this.#section(index, ' ');
      const isSame = section === before;
      before = section;
      return `${isSame ? '' : section}${this.#short(index)}`;
    });
  }

  /** Seats of one row as ranges: "Block 101 C5–C8 and D1". */
  ranges(seatIds: readonly string[]): string {
    const indexes = seatIds.flatMap((id) => this.#plan.indexOf(id) ?? []).sort((a, b) => a - b);
    const ends: [number, number][] = [];
    for (const index of indexes) {
      const last = ends.at(-1);
      if (last && last[1] === index - 1 && this.#plan.rowOf(index) === this.#plan.rowOf(last[1])) last[1] = index;
      else ends.push([index, index]);
    }
    let before = '';
    const parts = ends.map(([from, to]) => {
      const section = this.#section(from, ' ');
      const named = section === before ? '' : section;
      before = section;
      return named + (from === to ? this.#short(from) : `${this.#short(from)}–${this.#short(to)}`);
    });
    return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  }

  #short(index: number): string {
    const { row, seat } = this.#labels(index);
    return joined(row, seat);
  }

  #labels(index: number): { row: string; seat: string } {
    return { row: this.#plan.rows[this.#plan.rowOf(index)]?.label ?? '', seat: this.#plan.label(index) };
  }

  #section(index: number, separator = ''): string {
    if (this.#plan.sections.length === 1) return '';
    return `${this.#plan.sections[this.#plan.sectionOf(index)]?.name ?? ''}${separator}`;
  }
}
