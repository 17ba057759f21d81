import { element, setAttribute, setText } from './dom.ts';
import { releaseKeys } from './seat-buttons.ts';
import { secondsLeft } from './server-clock.ts';
import { type ShownHold, sameEndMs, urgentMs } from './shown-hold.ts';

interface Chip {
  item: HTMLElement;
  button: HTMLButtonElement;
  seconds: HTMLElement;
}

interface HoldListOptions {
  onRelease: (seatId: string) => void;
  nameOf: (seatId: string) => string;
  priceOf: (seatId: string) => string | undefined;
}

/** A chip for each held seat; a press releases the seat. The element of a seat is kept, and with it the focus. */
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
    const { item, button, seconds } = this.#chips.get(seat.id) ?? this.#add(seat.id);
    if (this.#root.children[index] !== item) this.#root.insertBefore(item, this.#root.children[index] ?? null);
    setText(seconds, haveOneEnd ? '' : `${secondsLeft(remainingMs)} s`);
    setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    button.classList.toggle('urgent', remainingMs <= urgentMs);
  }

  #add(id: string): Chip {
    const { onRelease, nameOf, priceOf } = this.#options;
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
    const price = part('hold-price', priceOf(id) ?? '');
    button.append(part('read-aloud', 'Release '), part('hold-seat', nameOf(id)), ' ', price, ' ', seconds, cross);
    item.append(button);
    const chip = { item, button, seconds };
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
