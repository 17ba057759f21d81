import { element } from './dom.ts';

/** Long enough for a screen reader to announce it. Later it is removed, so that nobody finds it when reading the page from the top. */
const keptForMs = 10_000;

/** Makes screen readers announce texts that are not visible. */
export class Announcer {
  readonly #polite = element('polite', HTMLElement);
  readonly #assertive = element('assertive', HTMLElement);

  /** `urgent` interrupts the current announcement. */
  announce(text: string, urgent = false): void {
    const line = document.createElement('p');
    line.textContent = text;
    (urgent ? this.#assertive : this.#polite).append(line);
    setTimeout(() => line.remove(), keptForMs);
  }
}
