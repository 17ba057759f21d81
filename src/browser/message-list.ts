import { element } from './dom.ts';

const shownAtMost = 3;
const shownForMs = 15_000;
/** A warning of 10 s before the end of a hold is true for this long. */
const warningShownForMs = 10_000;
/** The user needs time to read, find and press the offer. */
const shownWithOfferForMs = 45_000;

/** Why no seat can be chosen now: true until seats can be chosen. */
export const unavailableTopic = 'unavailable';

export type MessageTone = 'info' | 'success' | 'warning' | 'error';

/** A button in a message, for the next step of the user. */
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
  /** The user lost something: the announcement interrupts others. */
  urgent?: boolean;
  /** The announced text, if the page shows a part of the message elsewhere. Default: the message. */
  spoken?: string;
}

/** The visible messages, newest first. The announcer passes them to screen readers. */
export class MessageList {
  readonly #root = element('messages', HTMLElement);
  readonly #seatIds = new WeakMap<Element, readonly string[]>();

  /** Removes the messages about a seat whose state has changed. */
  removeAbout(seatId: string): void {
    for (const message of [...this.#root.children]) {
      if (this.#seatIds.get(message)?.includes(seatId)) message.remove();
    }
  }

  /** Removes the messages about something that has ended. */
  removeTopic(topic: string): void {
    for (const message of [...this.#root.children]) {
      if (message instanceof HTMLElement && message.dataset.topic === topic) message.remove();
    }
  }

  add(text: string, tone: MessageTone, { offer, topic = text, seatIds = [] }: MessageDetails = {}): void {
    this.removeTopic(topic);
    const message = document.createElement('div');
    message.className = `message ${tone}`;
    message.dataset.topic = topic;
    this.#seatIds.set(message, seatIds);
    const paragraph = document.createElement('p');
    paragraph.textContent = text;
    message.append(paragraph);
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
    // First `accept`: it moves the focus, which would be lost with the message.
    accept();
    remove();
  });
  return button;
}
