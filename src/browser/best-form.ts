import { element, setAttribute, setDisabled, setText } from './dom.ts';

const mostSeats = 10;

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

  /** `pending`: the number of seats that are being found. `places`: to what the search is limited. */
  render(isLive: boolean, { pending, places }: { pending: number | undefined; places: readonly string[] }): void {
    const where = places.length > 0 ? ` in ${places.join(', ')}` : '';
    setText(this.#hint, `One press finds the best seats together${where}, and holds them for you.`);
    for (const [index, button] of this.#buttons.entries()) {
      setDisabled(button, !isLive || pending !== undefined);
      setAttribute(button, 'aria-busy', pending === index + 1 ? 'true' : undefined);
    }
  }
}
