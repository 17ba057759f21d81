import { element } from './dom.ts';

const shownAtMost = 3;
const shownForMs = 15_000;
/** As long as there is something to warn of. */
const warningShownForMs = 10_000;
/** There has to be time to read, find and press it. */
const shownWithOfferForMs = 45_000;

export type MessageTone = 'info' | 'success' | 'warning' | 'error';

/** What the user can do about a message, by one button in it. */
export interface Offer {
  label: string;
  accept: () => void;
}

export interface MessageDetails {
  offer?: Offer | undefined;
  /** A newer message of the same topic replaces this one. */
  topic?: string;
  /** The message is true only while these seats keep their state. */
  seatIds?: readonly string[];
  /** Something was lost: to be read aloud at once. */
  urgent?: boolean;
}

/** The page's messages, newest first. The announcer reads them aloud, not this list. */
export class MessageList {
  readonly #root = element('messages', HTMLElement);
  readonly #seatIds = new WeakMap<Element, readonly string[]>();

  /** Removes the messages about a seat whose state has changed. */
  removeAbout(seatId: string): void {
    for (const message of [...this.#root.children]) {
      if (this.#seatIds.get(message)?.includes(seatId)) message.remove();
    }
  }

  add(text: string, tone: MessageTone, { offer, topic = text, seatIds = [] }: MessageDetails = {}): void {
    for (const older of [...this.#root.children]) {
      if (older instanceof HTMLElement && older.dataset.topic === topic) older.remove();
    }
    const message = document.createElement('div');
    message.className = `message ${tone}`;
    message.dataset.topic = topic;
    this.#seatIds.set(message, seatIds);
    const words = document.createElement('p');
    words.textContent = text;
    message.append(words);
    if (offer) message.append(offerButton(offer, () => message.remove()));
    this.#root.prepend(message);
    while (this.#root.childElementCount > shownAtMost) this.#root.lastElementChild?.remove();
    const forMs = tone === 'warning' ? warningShownForMs : shownForMs;
    setTimeout(() => message.remove(), offer ? shownWithOfferForMs : forMs);
  }
}

function offerButton({ label, accept }: Offer, remove: () => void): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'offer';
  button.textContent = label;
  button.addEventListener('click', () => {
    // Where the focus goes next is for `accept` to say, and it has to be here until then.
    accept();
    remove();
  });
  return button;
}
