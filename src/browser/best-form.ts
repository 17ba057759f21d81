import { element, setAttribute, setDisabled, setText } from './dom.ts';
import { upperFirst } from './wording.ts';

const mostSeats = 10;

interface ShownBestForm {
  /** The number of seats that are being found. */
  pending: number | undefined;
  /** The limits of the search. */
  places: readonly string[];
  /** What a seat there costs; empty: nothing. */
  priceText: string;
}

/** "How many seats?": a button for each number. One press finds that many seats and holds them. */
export class BestForm {
  readonly #root = element('best-form', HTMLElement);
  readonly #hint = element('best-hint', HTMLElement);
  readonly #buttons: HTMLButtonElement[] = [];

  constructor(maxHolds: number, onCount: (count: number) => void) {
    const group = element('best-counts', HTMLElement);
    for (let count = 1; count <= Math.min(mostSeats, maxHolds); count++) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'best-count';
      button.id = `best-${count}`;
      button.textContent = String(count);
      button.setAttribute('aria-label', count === 1 ? 'Hold the 1 best seat' : `Hold the ${count} best seats`);
      button.addEventListener('click', () => onCount(count));
      this.#buttons.push(button);
      group.append(button);
    }
    this.#root.hidden = false;
  }

  render(isLive: boolean, { pending, places, priceText }: ShownBestForm): void {
    const where = places.length > 0 ? ` in ${places.join(', ')}` : '';
    const price = priceText ? ` ${upperFirst(priceText)} a seat.` : '';
    setText(this.#hint, `One press finds the best seats together${where}, and holds them for you.${price}`);
    for (const [index, button] of this.#buttons.entries()) {
      setDisabled(button, !isLive || pending !== undefined);
      setAttribute(button, 'aria-busy', pending === index + 1 ? 'true' : undefined);
    }
  }
}
