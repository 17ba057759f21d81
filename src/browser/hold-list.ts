import { element, setAttribute, setText } from './dom.ts';
import { releaseKeys } from './seat-buttons.ts';
import { secondsLeft } from './server-clock.ts';
import { type ShownHold, sameEndMs, urgentMs } from './shown-hold.ts';

interface Chip {
  item: HTMLElement;
  button: HTMLButtonElement;
  price: HTMLElement;
  seconds: HTMLElement;
  /** Added once there is a choice. */
  types: HTMLSelectElement | undefined;
}

/** The choice of ticket types. */
export interface TicketChoice {
  /** The types for a seat, with their prices. */
  typesOf: (seatId: string) => readonly { type: string; text: string }[];
  typeOf: (seatId: string) => string | undefined;
  choose: (seatId: string, type: string) => void;
}

interface HoldListOptions {
  onRelease: (seatId: string) => void;
  nameOf: (seatId: string) => string;
  priceOf: (seatId: string) => string | undefined;
  tickets?: TicketChoice | undefined;
}

/**
 * A chip for each held seat; a press releases the seat. Beside it the choice of its ticket type, if there are several. The
 * elements of a seat are kept, and with them the focus.
 */
export class HoldList {
  readonly #root = element('hold-list', HTMLElement);
  readonly #options: HoldListOptions;
  readonly #chips = new Map<string, Chip>();

  constructor(options: HoldListOptions) {
    this.#options = options;
  }

  render(holds: readonly ShownHold[]): void {
    for (const [id, { item }] of this.#chips) {
      if (holds.some(({ seat }) => seat.id === id)) continue;
      item.remove();
      this.#chips.delete(id);
    }
    const ends = holds.map(({ remainingMs }) => remainingMs);
    const haveOneEnd = Math.max(...ends) - Math.min(...ends) <= sameEndMs;
    for (const [index, hold] of holds.entries()) this.#draw(hold, index, haveOneEnd);
  }

  #draw({ seat, remainingMs, isBusy }: ShownHold, index: number, haveOneEnd: boolean): void {
    const chip = this.#chips.get(seat.id) ?? this.#add(seat.id);
    const { item, button, price, seconds } = chip;
    if (this.#root.children[index] !== item) this.#root.insertBefore(item, this.#root.children[index] ?? null);
    setText(seconds, haveOneEnd ? '' : `${secondsLeft(remainingMs)} s`);
    setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    button.classList.toggle('urgent', remainingMs <= urgentMs);
    const hasChoice = this.#drawTypes(seat.id, chip);
    setText(price, hasChoice ? '' : (this.#options.priceOf(seat.id) ?? ''));
  }

  /** True if there is a choice. */
  #drawTypes(seatId: string, chip: Chip): boolean {
    const { tickets, nameOf } = this.#options;
    const types = tickets?.typesOf(seatId) ?? [];
    if (!tickets || types.length < 2) return false;
    chip.types ??= this.#addTypes(seatId, chip.item);
    const select = chip.types;
    setAttribute(select, 'aria-label', `Ticket for ${nameOf(seatId)}`);
    const isShown =
      select.options.length === types.length && types.every(({ text }, nth) => select.options[nth]?.text === text);
    // An open list would close.
    if (!isShown) select.replaceChildren(...types.map(({ type, text }) => new Option(text, type)));
    const chosen = tickets.typeOf(seatId);
    if (chosen !== undefined && select.value !== chosen) select.value = chosen;
    return true;
  }

  #addTypes(seatId: string, item: HTMLElement): HTMLSelectElement {
    const select = document.createElement('select');
    select.className = 'ticket-type';
    select.id = `ticket-${seatId}`;
    select.addEventListener('change', () => this.#options.tickets?.choose(seatId, select.value));
    item.append(select);
    return select;
  }

  #add(id: string): Chip {
    const { onRelease, nameOf } = this.#options;
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'hold';
    button.id = `hold-${id}`;
    button.addEventListener('click', () => onRelease(id));
    button.addEventListener('keydown', (event) => {
      if (!releaseKeys.includes(event.key)) return;
      event.preventDefault();
      onRelease(id);
    });
    const seconds = part('hold-seconds', '');
    const cross = part('hold-cross', '✕');
    cross.ariaHidden = 'true';
    const price = part('hold-price', '');
    button.append(part('read-aloud', 'Release '), part('hold-seat', nameOf(id)), ' ', price, ' ', seconds, cross);
    item.append(button);
    const chip = { item, button, price, seconds, types: undefined };
    this.#chips.set(id, chip);
    return chip;
  }
}

function part(className: string, text: string): HTMLElement {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}
