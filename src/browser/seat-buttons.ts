import { setAttribute, setText } from './dom.ts';
import type { SeatAppearance } from './seat-appearance.ts';

/** Largest number of changes in one frame that are animated: in a rush, motion would only distract. */
const animatedAtMost = 12;

/** Keys that release the held seat that has the focus. */
export const releaseKeys: readonly string[] = ['Delete', 'Backspace', 'Escape'];

export interface SeatButtonsOptions {
  /** Contains the buttons. */
  root: HTMLElement;
  appearance: (id: string) => (SeatAppearance & { isPending: boolean }) | undefined;
  /** Classes that do not depend on the state of the seat. */
  fixedClasses?: (id: string) => string;
  /** The seat to which a key leads. undefined: the key does nothing here. */
  seatAfterKey?: (id: string, event: KeyboardEvent) => string | undefined;
  onClick: (id: string) => void;
  onRelease: (id: string) => void;
  onFocus?: (id: string) => void;
}

/** The buttons of seats, wherever they are: draws only those that changed, at most once per frame. One of them is the tab stop. */
export class SeatButtons {
  readonly #options: SeatButtonsOptions;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #dirty = new Set<string>();
  readonly #changedByOthers = new Set<string>();
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  /** The one tab stop. */
  #current: string | undefined;

  constructor(options: SeatButtonsOptions) {
    this.#options = options;
    options.root.addEventListener('click', ({ target, detail }) => {
      const id = seatIdOf(target);
      const isDoubleClick = detail > 1; // its second click would release the seat again
      if (id && !isDoubleClick) options.onClick(id);
    });
    options.root.addEventListener('keydown', (event) => this.#onKey(event));
    options.root.addEventListener('focusin', ({ target }) => {
      const id = seatIdOf(target);
      if (id === undefined) return;
      this.#moveTabStop(id);
      options.onFocus?.(id);
    });
  }

  /** Takes over these buttons in place of all others. */
  adopt(buttons: Iterable<HTMLButtonElement>): void {
    this.#buttons.clear();
    this.#dirty.clear();
    this.#current = undefined;
    this.add(buttons);
  }

  add(buttons: Iterable<HTMLButtonElement>): void {
    for (const button of buttons) {
      const id = button.dataset.seatId ?? '';
      this.#buttons.set(id, button);
      this.#dirty.add(id);
      if (button.tabIndex === 0) this.#current ??= id;
    }
  }

  get(id: string): HTMLButtonElement | undefined {
    return this.#buttons.get(id);
  }

  /** Draws the seat again in the next frame, with an animation if another user changed it. */
  touch(id: string, byOthers: boolean): void {
    if (!this.#buttons.has(id)) return;
    this.#dirty.add(id);
    if (byOthers) this.#changedByOthers.add(id);
  }

  touchAll(): void {
    for (const id of this.#buttons.keys()) this.#dirty.add(id);
  }

  /** Moves the focus to a seat; without an id to the seat that had it last. False if the seat has no button. */
  focus(id = this.#current): boolean {
    const button = this.#buttons.get(id ?? '');
    button?.focus();
    return button !== undefined;
  }

  render(): void {
    for (const id of this.#dirty) this.#draw(id);
    if (this.#changedByOthers.size <= animatedAtMost) for (const id of this.#changedByOthers) this.#animate(id);
    this.#dirty.clear();
    this.#changedByOthers.clear();
  }

  #draw(id: string): void {
    const button = this.#buttons.get(id);
    const shown = this.#options.appearance(id);
    if (!button || !shown) return;
    const { status, isMine, isPending, text, label } = shown;
    const fixed = this.#options.fixedClasses?.(id);
    const className = ['seat', status, isMine && 'mine', isPending && 'pending', fixed].filter(Boolean).join(' ');
    if (button.className !== className) button.className = className;
    if (button.firstElementChild instanceof HTMLElement) setText(button.firstElementChild, text);
    setAttribute(button, 'aria-label', label);
    if (button.hasAttribute('title')) setAttribute(button, 'title', label);
    setAttribute(button, 'aria-busy', isPending ? 'true' : undefined);
  }

  /** Animates only a property that the compositor animates alone, so that a rush costs no frames. */
  #animate(id: string): void {
    if (this.#calm.matches) return;
    this.#buttons.get(id)?.animate({ transform: ['scale(0.8)', 'scale(1)'] }, { duration: 500, easing: 'ease-out' });
  }

  #onKey(event: KeyboardEvent): void {
    const id = seatIdOf(event.target);
    if (id === undefined) return;
    const shown = this.#options.appearance(id);
    if (shown?.isMine && shown.status === 'held' && releaseKeys.includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      this.#options.onRelease(id);
      return;
    }
    const next = event.altKey || event.metaKey ? undefined : this.#options.seatAfterKey?.(id, event);
    if (next === undefined) return;
    event.preventDefault(); // else the page would scroll as well
    this.focus(next);
  }

  #moveTabStop(id: string): void {
    const before = this.#buttons.get(this.#current ?? '');
    if (before && this.#options.seatAfterKey) before.tabIndex = -1;
    this.#current = id;
    const now = this.#buttons.get(id);
    if (now) now.tabIndex = 0;
  }
}

export function seatIdOf(target: EventTarget | null): string | undefined {
  return target instanceof Element ? target.closest<HTMLElement>('.seat')?.dataset.seatId : undefined;
}
