import type { SeatingPlan } from '../shows/seating-plan.ts';
import type { SingleSeats } from '../shows/single-seats.ts';
import { element, setText } from './dom.ts';
import type { SeatWords } from './map/seat-words.ts';
import { listed } from './wording.ts';

export interface SingleSeatsNoticeOptions {
  plan: SeatingPlan;
  words: SeatWords;
  isFree: (id: string) => boolean;
  /** The single seats that these seats leave, if better ones can be offered. */
  withoutSingle: (seatIds: readonly string[]) => SingleSeats | undefined;
  announce: (text: string) => void;
  /** The user wants these seats in place of those. */
  onExchange: (given: readonly string[], wanted: readonly string[]) => void;
}

/** Warns if the seats that the user holds leave a single free seat, and offers others that do not. */
export class SingleSeatsNotice {
  readonly #options: SingleSeatsNoticeOptions;
  readonly #root = element('single-seats', HTMLElement);
  readonly #text = element('single-seats-text', HTMLElement);
  readonly #button = element('single-seats-btn', HTMLButtonElement);
  #key = '';
  #heldIds: readonly string[] = [];
  #found: SingleSeats | undefined;

  constructor(options: SingleSeatsNoticeOptions) {
    this.#options = options;
    this.#button.addEventListener('click', () => {
      const wanted = this.#found?.instead ?? [];
      const given = this.#heldIds.filter((id) => !wanted.includes(id));
      options.onExchange(
        given,
        wanted.filter((id) => !this.#heldIds.includes(id)),
      );
    });
  }

  render(heldIds: readonly string[]): void {
    const { withoutSingle, words, announce } = this.#options;
    const key = this.#keyOf(heldIds);
    if (key === this.#key) return;
    this.#key = key;
    this.#heldIds = heldIds;
    const found = heldIds.length > 0 ? withoutSingle(heldIds) : undefined;
    this.#found = found?.instead && found;
    this.#root.hidden = this.#found === undefined;
    if (!this.#found?.instead) return;
    const { left, instead } = this.#found;
    const isOne = left.length === 1;
    const text = `${listed(words.names(left))} would stay free as ${isOne ? 'a single seat' : 'single seats'}, which hardly anybody buys.`;
    const label = `Take ${words.ranges(instead)} instead`;
    setText(this.#text, text);
    setText(this.#button, label);
    announce(`${text} Button: ${label}.`);
  }

  /** The input of the check: the held seats, and the states of the rows that they are in. */
  #keyOf(heldIds: readonly string[]): string {
    const { plan, isFree } = this.#options;
    const rows = new Set(heldIds.map((id) => plan.rowOf(plan.indexOf(id) ?? 0)));
    const states = [...rows].map((row) => {
      const { start = 0, end = 0 } = plan.rows[row] ?? {};
      return plan.ids
        .slice(start, end)
        .map((id) => (isFree(id) ? 1 : 0))
        .join('');
    });
    return `${heldIds.join()} ${states.join()}`;
  }
}
