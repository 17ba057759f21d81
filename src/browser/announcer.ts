import { element } from './dom.ts';

/** Long enough to be read; what stays would be found again by someone who reads the page from the top. */
const keptForMs = 10_000;

/** What a screen reader says by itself. Nothing of it is seen. */
export class Announcer {
  readonly #polite = element('polite', HTMLElement);
  readonly #assertive = element('assertive', HTMLElement);

  /** `urgent`: interrupts what is being read. */
  say(text: string, urgent = false): void {
    const line = document.createElement('p');
    line.textContent = text;
    (urgent ? this.#assertive : this.#polite).append(line);
    setTimeout(() => line.remove(), keptForMs);
  }
}
