import { setAttribute } from '../browser/dom.ts';
import type { Seat } from '../protocol/seat.ts';
import { rowLabel } from '../protocol/seat-id.ts';

export interface GridSeat extends Pick<Seat, 'id' | 'row' | 'col'> {
  /** `available`, `held`, `expiring` or `booked`. */
  state: string;
  /** True if another process shows a different state. */
  differs: boolean;
  /** True while the store decides about the seat. */
  isRequesting: boolean;
}

/** All seats, coloured by state. The grid is one tab stop; arrow keys go from seat to seat. */
export class SeatGrid {
  readonly #root: HTMLElement;
  readonly #onChoose: (id: string) => void;
  readonly #cells = new Map<string, HTMLButtonElement>();
  #places: Seat['id'][][] = [];
  #size = '';

  constructor(root: HTMLElement, onChoose: (id: string) => void) {
    this.#root = root;
    this.#onChoose = onChoose;
    root.addEventListener('click', ({ target }) => {
      const id = target instanceof Element ? target.closest('button')?.dataset.seatId : undefined;
      if (id) onChoose(id);
    });
    root.addEventListener('keydown', (event) => this.#move(event));
  }

  render(seats: readonly GridSeat[], chosen: string | undefined): void {
    this.#build(seats);
    for (const { id, row, col, state, differs, isRequesting } of seats) {
      const cell = this.#cells.get(id);
      if (!cell) continue;
      const className = ['cell', state, differs && 'differs', isRequesting && 'requesting'].filter(Boolean).join(' ');
      if (cell.className !== className) cell.className = className;
      setAttribute(
        cell,
        'aria-label',
        `Row ${rowLabel(row)}, seat ${col + 1}, ${state}${differs ? ', processes differ' : ''}`,
      );
      setAttribute(cell, 'aria-pressed', String(id === chosen));
      cell.tabIndex = id === (this.#cells.has(chosen ?? '') ? chosen : seats[0]?.id) ? 0 : -1;
    }
  }

  #build(seats: readonly GridSeat[]): void {
    const cols = Math.max(0, ...seats.map(({ col }) => col + 1));
    const size = `${seats.length} ${cols}`;
    if (size === this.#size) return;
    this.#size = size;
    this.#cells.clear();
    this.#places = [];
    this.#root.style.setProperty('--cols', String(cols));
    const content: HTMLElement[] = [];
    for (const { id, row, col } of seats) {
      if (col === 0) content.push(label(rowLabel(row)));
      const cell = document.createElement('button');
      cell.type = 'button';
      cell.dataset.seatId = id;
      cell.textContent = String(col + 1);
      this.#cells.set(id, cell);
      const places = this.#places[row] ?? [];
      places[col] = id;
      this.#places[row] = places;
      content.push(cell);
    }
    this.#root.replaceChildren(...content);
  }

  #move(event: KeyboardEvent): void {
    const steps: Record<string, [row: number, col: number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    const from = event.target instanceof HTMLElement ? event.target.dataset.seatId : undefined;
    if (!step || from === undefined) return;
    const row = this.#places.findIndex((ids) => ids.includes(from));
    const col = this.#places[row]?.indexOf(from);
    if (col === undefined) return;
    event.preventDefault();
    const next = this.#places[row + step[0]]?.[col + step[1]];
    if (next === undefined) return;
    this.#onChoose(next);
    this.#cells.get(next)?.focus();
  }
}

function label(text: string): HTMLElement {
  const span = document.createElement('span');
  span.className = 'row-label';
  span.ariaHidden = 'true';
  span.textContent = text;
  return span;
}
