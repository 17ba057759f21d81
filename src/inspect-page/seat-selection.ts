import { element, setText } from '../browser/dom.ts';
import { inspectPath } from '../inspect/inspect-path.ts';
import type { Seat } from '../protocol/seat.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { seatIn } from './address.ts';
import type { PageShow } from './page-show.ts';
import type { SaleHistory } from './sale-history.ts';

/**
 * The seats that the page shows: those that its address names (`?seats=A1,A2`), otherwise all. Of a show with too many
 * seats, those that changed last, and the chosen one; a form chooses any other.
 */
export class SeatSelection {
  readonly #show: PageShow;
  readonly #plan: SeatingPlan;
  readonly #named: readonly string[];
  readonly #isLarge: boolean;
  readonly #note = element('shown', HTMLElement);
  readonly #form = element('seat-form', HTMLFormElement);

  /** `show`: loaded with the seats that the address names. */
  constructor(show: PageShow, plan: SeatingPlan, onChoose: (seatId: string) => void) {
    const { seats, size, most_seats: most } = show.settings;
    this.#show = show;
    this.#plan = plan;
    this.#named = seats;
    this.#isLarge = size > most;
    const allLink = element('all-link', HTMLAnchorElement);
    allLink.href = inspectPath('live', { show: show.param });
    allLink.hidden = seats.length === 0;
    const input = element('seat-input', HTMLInputElement);
    input.placeholder = this.first;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input.value.trim();
      onChoose(seatIn(plan, text) ?? text);
      input.value = '';
    });
  }

  /** The seat that is chosen by default. */
  get first(): string {
    return this.#named[0] ?? this.#plan.id(0);
  }

  /** For the feed. */
  feedSeats(chosen: string | undefined): string {
    const seats = this.#withChosen(chosen);
    if (this.#named.length > 0) return seats.join();
    return this.#isLarge ? ['all', ...seats].join() : 'all';
  }

  /** In any order. */
  pastSeats(history: SaleHistory, moment: number, chosen: string | undefined): Seat[] {
    const isSome = this.#named.length > 0 || this.#isLarge;
    if (!isSome) return [...history.seatsAt(moment).values()];
    const latest = this.#named.length > 0 ? [] : history.latestAt(moment, this.#show.settings.most_seats);
    const seats = new Map(latest.map((seat) => [seat.id, seat]));
    for (const id of this.#withChosen(chosen)) {
      const seat = history.seatAt(id, moment);
      if (seat) seats.set(id, seat);
    }
    return [...seats.values()];
  }

  /** `count`: of the shown seats. */
  render(count: number): void {
    const isWhole = count === this.#plan.size;
    const { unknown_seats: unknown } = this.#show.settings;
    this.#form.hidden = isWhole;
    this.#note.hidden = isWhole && unknown.length === 0;
    const texts = [
      ...(unknown.length > 0 ? [`No such seat: ${unknown.join(', ')}.`] : []),
      ...(isWhole ? [] : [this.#text(count)]),
    ];
    setText(this.#note, texts.join(' '));
  }

  #text(count: number): string {
    const { size } = this.#plan;
    const total = size.toLocaleString('en');
    if (this.#named.length > 0) return `${count} of ${total} seats, which the legend counts.`;
    const most = this.#show.settings.most_seats.toLocaleString('en');
    return `${total} seats. Shown, and counted in the legend: those that changed last, up to ${most}, and the chosen one.`;
  }

  #withChosen(chosen: string | undefined): string[] {
    const isKnown = chosen !== undefined && this.#plan.indexOf(chosen) !== undefined;
    return [...new Set([...this.#named, ...(isKnown ? [chosen] : [])])];
  }
}
