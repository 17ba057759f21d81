import { setAttribute } from '../browser/dom.ts';
import { oncePerAnimationFrame } from '../browser/once-per-animation-frame.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { html } from './html.ts';

/** Less is only the room for the outline of the chosen seat. */
const cutOffPx = 8;

export interface GridSeat {
  id: string;
  /** `available`, `held`, `expiring` or `booked`. */
  state: string;
  /** True if another process shows a different state. */
  differs: boolean;
  /** True while the store decides about the seat. */
  isRequesting: boolean;
}

/**
 * Seats, coloured by state: all of a show in their rows, or some of them as a list with their ids. The grid is one tab
 * stop; arrow keys go from seat to seat.
 */
export class SeatGrid {
  readonly #root: HTMLElement;
  readonly #plan: SeatingPlan;
  readonly #onChoose: (id: string) => void;
  readonly #cells = new Map<string, HTMLButtonElement>();
  readonly #markEdgeLater = oncePerAnimationFrame(() => {
    const { classList, scrollWidth, clientWidth, scrollLeft } = this.#root;
    classList.toggle('more-right', scrollWidth - clientWidth - scrollLeft > cutOffPx);
  });
  #rows: string[][] = [];
  #isWhole = false;
  #built = '';

  constructor(root: HTMLElement, plan: SeatingPlan, onChoose: (id: string) => void) {
    this.#root = root;
    this.#plan = plan;
    this.#onChoose = onChoose;
    root.addEventListener('click', ({ target }) => {
      const id = target instanceof Element ? target.closest('button')?.dataset.seatId : undefined;
      if (id) onChoose(id);
    });
    root.addEventListener('keydown', (event) => this.#move(event));
    root.addEventListener('scroll', this.#markEdgeLater, { passive: true });
    new ResizeObserver(this.#markEdgeLater).observe(root);
    document.documentElement.style.setProperty('--cols', String(plan.longestRow));
  }

  /** `seats`: in the order of the plan. */
  render(seats: readonly GridSeat[], chosen: string | undefined): void {
    this.#build(seats.map(({ id }) => id));
    const tabStop = this.#cells.has(chosen ?? '') ? chosen : seats[0]?.id;
    for (const { id, state, differs, isRequesting } of seats) {
      const cell = this.#cells.get(id);
      if (!cell) continue;
      const className = ['cell', state, differs && 'differs', isRequesting && 'requesting'].filter(Boolean).join(' ');
      if (cell.className !== className) cell.className = className;
      setAttribute(cell, 'aria-label', `${this.#nameOf(id)}, ${state}${differs ? ', processes differ' : ''}`);
      setAttribute(cell, 'aria-pressed', String(id === chosen));
      cell.tabIndex = id === tabStop ? 0 : -1;
    }
  }

  #build(ids: readonly string[]): void {
    const built = ids.join();
    if (built === this.#built) return;
    this.#built = built;
    const focused = this.#root.querySelector<HTMLElement>(':focus')?.dataset.seatId;
    this.#cells.clear();
    this.#isWhole = ids.length === this.#plan.size;
    this.#root.classList.toggle('list', !this.#isWhole);
    if (this.#isWhole) this.#buildRows();
    else this.#buildList(ids);
    this.#markEdgeLater();
    if (focused !== undefined) this.#cells.get(focused)?.focus({ preventScroll: true });
  }

  #buildRows(): void {
    const { sections, rows } = this.#plan;
    const content: HTMLElement[] = [];
    this.#rows = [];
    for (const [index, { label, section, start, end }] of rows.entries()) {
      const isFirstOfSection = rows[index - 1]?.section !== section;
      if (sections.length > 1 && isFirstOfSection)
        content.push(labelled('section-label', sections[section]?.name ?? ''));
      content.push(labelled('row-label', label));
      const seats = Array.from({ length: end - start }, (_, col) => start + col);
      content.push(...seats.map((seat) => this.#cell(this.#plan.id(seat), this.#plan.label(seat))));
      this.#rows.push(seats.map((seat) => this.#plan.id(seat)));
    }
    this.#root.replaceChildren(...content);
  }

  #buildList(ids: readonly string[]): void {
    this.#rows = [[...ids]];
    this.#root.replaceChildren(...ids.map((id) => this.#cell(id, id)));
  }

  #cell(id: string, text: string): HTMLButtonElement {
    const cell = html('button', '', text);
    cell.type = 'button';
    cell.dataset.seatId = id;
    this.#cells.set(id, cell);
    return cell;
  }

  /** Has the visible text of the cell, so that it can be spoken. */
  #nameOf(id: string): string {
    const index = this.#plan.indexOf(id);
    if (index === undefined) return id;
    const place = this.#plan.describe(index);
    return this.#isWhole ? place : `${id}: ${place}`;
  }

  #move(event: KeyboardEvent): void {
    const from = event.target instanceof HTMLElement ? event.target.dataset.seatId : undefined;
    const step = (this.#isWhole ? rowSteps : listSteps)[event.key];
    if (!step || from === undefined) return;
    const row = this.#rows.findIndex((ids) => ids.includes(from));
    const ids = this.#rows[row + step[0]];
    const col = (this.#rows[row]?.indexOf(from) ?? 0) + step[1];
    event.preventDefault();
    // Rows may differ in length.
    const next = ids?.[step[0] === 0 ? col : Math.min(col, ids.length - 1)];
    if (next === undefined) return;
    this.#onChoose(next);
    this.#cells.get(next)?.focus();
  }
}

type Step = [row: number, col: number];
const rowSteps: Record<string, Step> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const listSteps: Record<string, Step> = { ...rowSteps, ArrowUp: [0, -1], ArrowDown: [0, 1] };

function labelled(className: string, text: string): HTMLElement {
  const label = html('span', className, text);
  label.ariaHidden = 'true';
  return label;
}
