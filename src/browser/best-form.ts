import { element, setAttribute, setDisabled } from './dom.ts';

const mostSeats = 10;

/** "How many seats?": a button for each number. One press finds that many seats and holds them. */
export class BestForm {
  readonly #root = element('best-form', HTMLElement);
  readonly #buttons: HTMLButtonElement[] = [];

  constructor(maxHolds: number, onCount: (count: number) => void) {
    const group = element('best-counts', HTMLElement);
    for (let count = 1; count <= Math.min(mostSeats, maxHolds); count++) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'best-count';
      button.id = `best-${count}`;
      button.textContent = String(count);
      button.ariaLabel = count === 1 ? 'Hold the best seat' : `Hold the best ${count} seats`;
      button.addEventListener('click', () => onCount(count));
      this.#buttons.push(button);
      group.append(button);
    }
    this.#root.hidden = false;
  }

  /** `pending`: the number of seats that are being found. */
  render(isLive: boolean, pending: number | undefined): void {
    for (const [index, button] of this.#buttons.entries()) {
      setDisabled(button, !isLive || pending !== undefined);
      setAttribute(button, 'aria-busy', pending === index + 1 ? 'true' : undefined);
    }
  }
}
