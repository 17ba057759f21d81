import { element } from './dom.ts';

const shownAtMost = 4;
const shownForMs = 15_000;

export type MessageTone = 'info' | 'success' | 'error';

/** What the page has to say, newest first. The list is a live region, so it is also read aloud. */
export class MessageList {
  readonly #root = element('messages', HTMLElement);

  add(text: string, tone: MessageTone): void {
    const newest = this.#root.firstElementChild;
    // Said again rather than twice.
    if (newest?.textContent === text) newest.remove();
    const message = document.createElement('p');
    message.className = `message ${tone}`;
    message.textContent = text;
    this.#root.prepend(message);
    while (this.#root.childElementCount > shownAtMost) this.#root.lastElementChild?.remove();
    setTimeout(() => message.remove(), shownForMs);
  }
}
