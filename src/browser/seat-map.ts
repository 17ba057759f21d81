import type { Seat } from '../protocol/seat.ts';
import { seatId } from '../protocol/seat-id.ts';
import { element, setAttribute, setDisabled, setFractionLeft, setText } from './dom.ts';
import { type GridPlace, placeAfterKey } from './grid-keys.ts';
import { isOwnHold, seatAppearance } from './seat-appearance.ts';
import { seatGridHtml } from './seat-grid-html.ts';

/** Largest number of changes in one frame that are animated: in a rush, motion would only distract. */
const animatedAtMost = 12;

/** Keys that release the held seat that has the focus. */
export const releaseKeys: readonly string[] = ['Delete', 'Backspace', 'Escape'];

export interface SeatMapOptions {
  seat: (id: string) => Seat | undefined;
  isPending: (id: string) => boolean;
  onClick: (id: string) => void;
  onRelease: (id: string) => void;
}

/** The part of the venue that the map shows. */
interface ShownVenue {
  rows: number;
  cols: number;
  seats: Iterable<Seat>;
}

export interface MapHold {
  seat: Seat;
  remainingMs: number;
}

/** The grid of seats. If the server has rendered it into the page, its elements are adopted. */
export class SeatMap {
  readonly #root = element('seat-map', HTMLElement);
  readonly #options: SeatMapOptions;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #dirty = new Set<string>();
  readonly #changedByOthers = new Set<string>();
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #size = { rows: 0, cols: 0 };
  /** The one tab stop. */
  #current: GridPlace = { row: 0, col: 0 };
  /** The user whose seats are drawn as own seats. */
  #userId = '';

  constructor(options: SeatMapOptions) {
    this.#options = options;
    this.#root.addEventListener('click', ({ target, detail }) => {
      const id = seatIdOf(target);
      const isDoubleClick = detail > 1; // its second click would release the seat again
      if (id && !isDoubleClick) options.onClick(id);
    });
    this.#root.addEventListener('keydown', (event) => this.#onKey(event));
    this.#root.addEventListener('focusin', ({ target }) => {
      const seat = options.seat(seatIdOf(target) ?? '');
      if (seat) this.#moveTabStop(seat);
    });
  }

  /** Draws the seat again in the next frame, with an animation if another user changed it. */
  touch(id: string, byOthers = false): void {
    this.#dirty.add(id);
    if (byOthers) this.#changedByOthers.add(id);
  }

  /** Moves the focus to a seat; without an id to the seat that had it last. */
  focus(id = seatId(this.#current.row, this.#current.col)): void {
    this.#buttons.get(id)?.focus();
  }

  /** Also called before the seats are known: the seats in the loaded page must look disabled too. */
  renderLive(isLive: boolean): void {
    this.#root.classList.toggle('dimmed', !isLive);
    setDisabled(this.#root, !isLive);
  }

  render(venue: ShownVenue, userId: string): void {
    if (this.#size.rows !== venue.rows || this.#size.cols !== venue.cols) this.#takeOver(venue);
    if (this.#userId !== userId) {
      for (const id of this.#buttons.keys()) this.#dirty.add(id);
      this.#userId = userId;
    }
    for (const id of this.#dirty) this.#draw(id);
    if (this.#changedByOthers.size <= animatedAtMost) for (const id of this.#changedByOthers) this.#animate(id);
    this.#dirty.clear();
    this.#changedByOthers.clear();
  }

  renderTime(holds: readonly MapHold[], holdMs: number): void {
    for (const { seat, remainingMs } of holds) {
      const button = this.#buttons.get(seat.id);
      if (button) setFractionLeft(button, remainingMs, holdMs);
    }
  }

  #takeOver({ rows, cols, seats }: ShownVenue): void {
    this.#size = { rows, cols };
    const rendered = this.#root.querySelectorAll('.seat');
    if (rendered.length !== rows * cols || rendered[rendered.length - 1]?.id !== `seat-${seatId(rows - 1, cols - 1)}`) {
      this.#root.innerHTML = seatGridHtml(seats);
      this.#current = { row: 0, col: 0 };
    }
    this.#root.style.setProperty('--rows', String(rows));
    this.#buttons.clear();
    for (const button of this.#root.querySelectorAll<HTMLButtonElement>('button.seat')) {
      const id = button.dataset.seatId ?? '';
      this.#buttons.set(id, button);
      this.#dirty.add(id);
    }
  }

  #draw(id: string): void {
    const button = this.#buttons.get(id);
    const seat = this.#options.seat(id);
    if (!button || !seat) return;
    const { status, isMine, text, label } = seatAppearance(seat, this.#userId);
    const isPending = this.#options.isPending(id);
    const className = ['seat', status, isMine && 'mine', isPending && 'pending'].filter(Boolean).join(' ');
    if (button.className !== className) button.className = className;
    if (button.firstElementChild instanceof HTMLElement) setText(button.firstElementChild, text);
    setAttribute(button, 'aria-label', label);
    setAttribute(button, 'title', label);
    setAttribute(button, 'aria-busy', isPending ? 'true' : undefined);
  }

  /** Animates only a property that the compositor animates alone, so that a rush costs no frames. */
  #animate(id: string): void {
    if (this.#calm.matches) return;
    this.#buttons.get(id)?.animate({ transform: ['scale(0.8)', 'scale(1)'] }, { duration: 500, easing: 'ease-out' });
  }

  #onKey(event: KeyboardEvent): void {
    const seat = this.#options.seat(seatIdOf(event.target) ?? '');
    if (seat && isOwnHold(seat, this.#userId) && releaseKeys.includes(event.key)) {
      event.preventDefault();
      this.#options.onRelease(seat.id);
      return;
    }
    const next = seat && !event.altKey && !event.metaKey ? placeAfterKey(event, seat, this.#size) : undefined;
    if (!next) return;
    event.preventDefault(); // else the page would scroll as well
    this.focus(seatId(next.row, next.col));
  }

  #moveTabStop({ row, col }: GridPlace): void {
    const before = this.#buttons.get(seatId(this.#current.row, this.#current.col));
    if (before) before.tabIndex = -1;
    this.#current = { row, col };
    const now = this.#buttons.get(seatId(row, col));
    if (now) now.tabIndex = 0;
  }
}

function seatIdOf(target: EventTarget | null): string | undefined {
  return target instanceof Element ? target.closest<HTMLElement>('.seat')?.dataset.seatId : undefined;
}
