import type { Seat } from '../protocol/seat.ts';
import { element, setAttribute, setText } from './dom.ts';
import { secondsLeft } from './server-clock.ts';

export interface SelectionPanelOptions {
  onBook: (seatId: string) => void;
  onRelease: (seatId: string) => void;
  /** The panel vanished with the keyboard focus in it. */
  onFocusLost: (seatId: string) => void;
}

export interface ShownHold {
  seat: Seat;
  remainingMs: number;
  holdMs: number;
  isBusy: boolean;
}

/** The user's selected seat, its countdown, and what can be done with it. */
export class SelectionPanel {
  readonly #root = element('selected-info', HTMLElement);
  readonly #hint = element('hint', HTMLElement);
  readonly #seatId = element('selected-seat', HTMLElement);
  readonly #bookButton = element('book-btn', HTMLButtonElement);
  readonly #releaseButton = element('release-btn', HTMLButtonElement);
  readonly #timer = element('timer', HTMLElement);
  readonly #timerBar = element('timer-bar', HTMLElement);
  readonly #options: SelectionPanelOptions;
  #shownId: string | undefined;

  constructor(options: SelectionPanelOptions) {
    this.#options = options;
    this.#bookButton.addEventListener('click', () => this.#shownId && options.onBook(this.#shownId));
    this.#releaseButton.addEventListener('click', () => this.#shownId && options.onRelease(this.#shownId));
  }

  render(hold: ShownHold | undefined): void {
    if (hold) this.#show(hold);
    else this.#hide();
  }

  #show({ seat, remainingMs, holdMs, isBusy }: ShownHold): void {
    this.#shownId = seat.id;
    this.#root.hidden = false;
    this.#hint.hidden = true;
    setText(this.#seatId, seat.id);
    setText(this.#timer, remainingMs > 0 ? `${secondsLeft(remainingMs)} s` : 'Time is up');
    this.#timer.classList.toggle('urgent', remainingMs <= 10_000);
    const fraction = Math.min(1, Math.max(0, remainingMs / holdMs));
    this.#timerBar.style.setProperty('--fraction-left', fraction.toFixed(3));
    // `disabled` would throw the keyboard focus away; a second click while busy sends nothing anyway.
    setAttribute(this.#bookButton, 'aria-disabled', isBusy ? 'true' : undefined);
    setAttribute(this.#releaseButton, 'aria-disabled', isBusy ? 'true' : undefined);
  }

  #hide(): void {
    const lastId = this.#shownId;
    const hadFocus = this.#root.contains(document.activeElement);
    this.#shownId = undefined;
    this.#root.hidden = true;
    this.#hint.hidden = false;
    if (lastId && hadFocus) this.#options.onFocusLost(lastId);
  }
}
