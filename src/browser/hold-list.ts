import { element, setAttribute, setFractionLeft, setText } from './dom.ts';
import { secondsLeft } from './server-clock.ts';
import { type ShownHold, urgentMs } from './shown-hold.ts';

/** Each of several holds with its own countdown; a press shows it in the panel. Elements stay with their seat: so does the focus. */
export class HoldList {
  readonly #root = element('hold-list', HTMLElement);
  readonly #onChoose: (seatId: string) => void;
  readonly #items = new Map<string, { item: HTMLElement; button: HTMLButtonElement; seconds: HTMLElement }>();

  #chosenId: string | undefined;

  constructor(onChoose: (seatId: string) => void) {
    this.#onChoose = onChoose;
  }

  render(holds: readonly ShownHold[], holdMs: number): void {
    for (const [id, { item }] of this.#items) {
      if (holds.some(({ seat }) => seat.id === id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    for (const [index, hold] of holds.entries()) this.#draw(hold, holdMs, index);
  }

  #draw({ seat, remainingMs, isChosen, isBusy }: ShownHold, holdMs: number, index: number): void {
    const { item, button, seconds } = this.#items.get(seat.id) ?? this.#add(seat.id);
    if (this.#root.children[index] !== item) this.#root.insertBefore(item, this.#root.children[index] ?? null);
    setText(seconds, `${secondsLeft(remainingMs)} s`);
    setFractionLeft(button, remainingMs, holdMs);
    setAttribute(button, 'aria-pressed', String(isChosen));
    if (isChosen && this.#chosenId !== seat.id) {
      this.#chosenId = seat.id;
      // Not scrollIntoView, which would move the page under the panel as well.
      this.#root.scrollLeft = item.offsetLeft - this.#root.offsetLeft;
    }
    setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    button.classList.toggle('urgent', remainingMs <= urgentMs);
  }

  #add(id: string) {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'hold';
    button.id = `hold-${id}`;
    button.addEventListener('click', () => this.#onChoose(id));
    const ring = document.createElement('span');
    ring.className = 'ring';
    ring.ariaHidden = 'true';
    const name = document.createElement('span');
    name.className = 'hold-seat';
    name.textContent = id;
    const seconds = document.createElement('span');
    seconds.className = 'hold-seconds';
    button.append(ring, name, ' ', seconds);
    item.append(button);
    const parts = { item, button, seconds };
    this.#items.set(id, parts);
    return parts;
  }
}
