import type { Seat } from '../protocol/seat.ts';
import { rowLabel, seatId } from '../protocol/seat-id.ts';
import { element, setAttribute, setText } from './dom.ts';
import { seatAppearance } from './seat-appearance.ts';

export interface SeatMapOptions {
  userId: string;
  seat: (id: string) => Seat | undefined;
  isPending: (id: string) => boolean;
  onClick: (id: string) => void;
}

/** The grid of seat buttons. */
export class SeatMap {
  readonly #root = element('seat-map', HTMLElement);
  readonly #options: SeatMapOptions;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #dirty = new Set<string>();
  #size = '';

  constructor(options: SeatMapOptions) {
    this.#options = options;
    this.#root.addEventListener('click', ({ target }) => {
      const button = target instanceof Element ? target.closest<HTMLButtonElement>('button.seat') : null;
      if (button?.dataset.seatId) options.onClick(button.dataset.seatId);
    });
  }

  /** The seat is to be drawn anew in the next frame. */
  touch(id: string): void {
    this.#dirty.add(id);
  }

  focus(id: string): void {
    this.#buttons.get(id)?.focus();
  }

  render(rows: number, cols: number, isLive: boolean): void {
    if (this.#size !== `${rows}x${cols}`) this.#build(rows, cols);
    this.#root.classList.toggle('dimmed', !isLive);
    for (const id of this.#dirty) this.#draw(id);
    this.#dirty.clear();
  }

  #build(rows: number, cols: number): void {
    this.#size = `${rows}x${cols}`;
    this.#root.style.setProperty('--rows', String(rows));
    this.#root.style.setProperty('--cols', String(cols));
    this.#buttons.clear();
    const cells: HTMLElement[] = [];
    for (let row = 0; row < rows; row++) {
      cells.push(rowHeading(row));
      for (let col = 0; col < cols; col++) {
        const button = seatButton(row, col);
        const id = seatId(row, col);
        this.#buttons.set(id, button);
        this.#dirty.add(id);
        cells.push(button);
      }
    }
    this.#root.replaceChildren(...cells);
  }

  #draw(id: string): void {
    const button = this.#buttons.get(id);
    const seat = this.#options.seat(id);
    if (!button || !seat) return;
    const { status, isMine, label } = seatAppearance(seat, this.#options.userId);
    const isPending = this.#options.isPending(id);
    button.className = ['seat', status, isMine && 'mine', isPending && 'pending'].filter(Boolean).join(' ');
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'aria-busy', isPending ? 'true' : undefined);
  }
}

function rowHeading(row: number): HTMLElement {
  const heading = document.createElement('span');
  heading.className = 'row-label';
  // Every seat's own label names its row.
  heading.ariaHidden = 'true';
  setText(heading, rowLabel(row));
  return heading;
}

function seatButton(row: number, col: number): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.id = `seat-${seatId(row, col)}`;
  button.dataset.seatId = seatId(row, col);
  const number = document.createElement('span');
  number.className = 'seat-number';
  setText(number, String(col + 1));
  button.append(number);
  return button;
}
