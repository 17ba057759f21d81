import { element, setAttribute, setDisabled, setFractionLeft, setText } from './dom.ts';
import { HoldList, type TicketChoice } from './hold-list.ts';
import { keepKey } from './keep-offer.ts';
import { secondsLeft } from './server-clock.ts';
import { type ShownHold, urgentMs } from './shown-hold.ts';
import { keepLabel } from './wording.ts';

export interface CartOptions {
  onBook: (seatIds: string[]) => void;
  onRelease: (seatIds: string[]) => void;
  onKeep: () => void;
  /** The element with the keyboard focus vanished from the cart. */
  onFocusLost: (seatId: string) => void;
  /** Name of a seat, for people. */
  nameOf?: (seatId: string) => string;
  /** Its price, for people. undefined: the show is free. */
  priceOf?: (seatId: string) => string | undefined;
  /** Sum of the prices, for people. */
  sumOf?: (seatIds: readonly string[]) => string | undefined;
  /** Only of a show with ticket types. */
  tickets?: TicketChoice | undefined;
  /** Label of the main button where the seats have to be paid. undefined: they are booked. */
  checkoutLabel?: (seatIds: readonly string[]) => string | undefined;
  /** A checkout has no reply yet. */
  isCheckingOut?: () => boolean;
  /** Names of several seats, as short as possible. Default: all ids. */
  rangesOf?: (seatIds: readonly string[]) => string;
}

export interface ShownCart {
  holds: readonly ShownHold[];
  bookedIds: readonly string[];
  /** Held seats that can be extended now. */
  keepableIds: readonly string[];
  holdMs: number;
  maxHolds: number;
  isLive: boolean;
  /** Why no seat can be chosen. undefined: the connection is the only possible reason. */
  closedText?: string | undefined;
  counts: { available: number; held: number };
}

/** The user's held seats with one countdown and one Book button, the offer to keep them, and the seats that the user has booked. */
export class Cart {
  readonly #root = element('selected-info', HTMLElement);
  readonly #hint = element('hint', HTMLElement);
  readonly #lead = element('lead', HTMLElement);
  readonly #label = element('selected-label', HTMLElement);
  readonly #seats = element('selected-seat', HTMLElement);
  readonly #bookButton = element('book-btn', HTMLButtonElement);
  readonly #releaseButton = element('release-btn', HTMLButtonElement);
  readonly #keepButton = element('keep-btn', HTMLButtonElement);
  readonly #keepLabel = element('keep-label', HTMLElement);
  readonly #timer = element('timer', HTMLElement);
  readonly #timerRing = element('timer-ring', HTMLElement);
  readonly #timerBar = element('timer-bar', HTMLElement);
  readonly #bookedInfo = element('booked-info', HTMLElement);
  readonly #bookedLabel = element('booked-label', HTMLElement);
  readonly #bookedSeats = element('booked-seats', HTMLElement);
  readonly #list: HoldList;
  readonly #options: CartOptions;
  #heldIds: string[] = [];

  constructor(options: CartOptions) {
    this.#options = options;
    const { nameOf = (id) => id, priceOf = () => undefined, tickets } = options;
    this.#list = new HoldList({ onRelease: (seatId) => options.onRelease([seatId]), nameOf, priceOf, tickets });
    this.#bookButton.addEventListener('click', () => options.onBook(this.#heldIds));
    this.#releaseButton.addEventListener('click', () => options.onRelease(this.#heldIds));
    this.#keepButton.addEventListener('click', () => options.onKeep());
    this.#keepButton.setAttribute('aria-keyshortcuts', keepKey);
    setText(element('keep-key', HTMLElement), keepKey);
  }

  render(shown: ShownCart): void {
    const focused = document.activeElement;
    const hadFocus = this.#root.contains(focused);
    const focusedId = /^(?:hold|ticket)-(.+)/.exec(focused?.id ?? '')?.[1] ?? this.#heldIds.at(-1);
    this.#heldIds = shown.holds.map(({ seat }) => seat.id);
    this.#renderHint(shown);
    this.#renderHolds(shown);
    this.#renderKeep(shown);
    this.#renderBooked(shown.bookedIds);
    const isFocusLost = hadFocus && !(focused instanceof HTMLElement && focused.checkVisibility());
    if (!isFocusLost) return;
    if (focused === this.#keepButton && !this.#root.hidden) this.#bookButton.focus();
    else if (focusedId) this.#options.onFocusLost(focusedId);
  }

  #renderHint({ holds, counts, isLive, closedText }: ShownCart): void {
    this.#hint.hidden = holds.length > 0;
    const soldOut = counts.held > 0 ? 'Sold out. Held seats may come free.' : 'Sold out.';
    const choose = this.#options.sumOf ? 'Press a number, or pick seats.' : 'Choose a green seat.';
    const free = isLive ? choose : 'You can choose seats once the page is connected.';
    setText(this.#lead, closedText ?? (counts.available > 0 ? free : soldOut));
  }

  #renderHolds({ holds, holdMs, maxHolds, isLive }: ShownCart): void {
    const count = holds.length;
    this.#root.hidden = count === 0;
    const { sumOf, nameOf = (id) => id, checkoutLabel, isCheckingOut } = this.#options;
    this.#list.render(count > 1 || sumOf ? holds : []);
    if (count === 0) return;
    const remainingMs = Math.min(...holds.map((hold) => hold.remainingMs));
    const isBusy = holds.some((hold) => hold.isBusy) || isCheckingOut?.() === true;
    const checkout = checkoutLabel?.(this.#heldIds);
    setText(this.#label, count === 1 ? 'Selected seat' : 'Selected');
    setText(this.#seats, count === 1 ? nameOf(this.#heldIds[0] ?? '') : `${count} of ${maxHolds}`);
    this.#renderSum(checkout === undefined ? sumOf?.(this.#heldIds) : undefined); // else the button has it
    setText(this.#bookButton, checkout ?? (count === 1 ? 'Book seat' : `Book ${count} seats`));
    setText(this.#releaseButton, count === 1 ? 'Release' : 'Release all');
    setText(this.#timer, remainingMs > 0 ? `${secondsLeft(remainingMs)} s` : 'Time is up');
    this.#root.classList.toggle('urgent', remainingMs <= urgentMs);
    setFractionLeft(this.#timerBar, remainingMs, holdMs);
    setFractionLeft(this.#timerRing, remainingMs, holdMs);
    for (const button of [this.#bookButton, this.#releaseButton, this.#keepButton]) {
      setDisabled(button, isBusy || !isLive);
      setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    }
  }

  #renderSum(sum: string | undefined): void {
    const shown = this.#root.querySelector<HTMLElement>('#sum');
    if (!shown) return;
    shown.hidden = sum === undefined;
    setText(element('sum-amount', HTMLElement), sum ?? '');
  }

  #renderKeep({ holds, keepableIds }: ShownCart): void {
    this.#keepButton.hidden = keepableIds.length === 0;
    if (keepableIds.length > 0) setText(this.#keepLabel, keepLabel(keepableIds.length, holds.length));
  }

  #renderBooked(seatIds: readonly string[]): void {
    this.#bookedInfo.hidden = seatIds.length === 0;
    setText(this.#bookedLabel, seatIds.length === 1 ? 'Your seat' : 'Your seats');
    setText(this.#bookedSeats, this.#options.rangesOf?.(seatIds) ?? seatIds.join(', '));
  }
}
