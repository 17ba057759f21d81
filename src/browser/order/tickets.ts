import { renderSVG } from 'uqr';
import type { OrderReply } from '../../protocol/order.ts';
import { timeText } from '../../shows/time-text.ts';
import { element } from '../dom.ts';

/** Modules of white around a code: less than 4 and some scanners miss it. */
const quietZone = 4;

/** The tickets of an order, each with its code as a QR code and as a text. */
export class Tickets {
  readonly #root = element('tickets', HTMLElement);
  #shown = '';

  /** Draws them once: the codes stay the same, and a screen reader may be reading them. */
  render({ tickets = [], seats, show_name: showName, starts_at: startsAt }: OrderReply): void {
    const codes = tickets.map(({ code }) => code).join();
    this.#root.hidden = tickets.length === 0;
    if (codes === this.#shown) return;
    this.#shown = codes;
    const facts = [showName, startsAt === undefined ? '' : timeText(startsAt)];
    const items = tickets.map(({ seat, code }) => {
      const { name = seat, ticket_type: type = '' } = seats.find(({ id }) => id === seat) ?? {};
      return ticketItem({ name, type, code, facts });
    });
    this.#root.replaceChildren(...items);
  }
}

function ticketItem({ name, type, code, facts }: { name: string; type: string; code: string; facts: string[] }) {
  const item = document.createElement('li');
  item.className = 'ticket';
  const qr = document.createElement('div');
  qr.className = 'qr';
  // The code has the characters of base64url and dots only, and the renderer writes none of them.
  qr.innerHTML = renderSVG(code, { ecc: 'M', border: quietZone });
  const svg = qr.firstElementChild;
  svg?.setAttribute('role', 'img');
  svg?.setAttribute('aria-label', `QR code of the ticket for ${name}`);
  const words = document.createElement('div');
  words.className = 'ticket-words';
  words.append(line('h3', 'ticket-seat', name), line('p', 'ticket-type-name', type));
  words.append(...facts.filter((text) => text !== '').map((text) => line('p', 'ticket-fact', text)));
  words.append(line('code', 'ticket-code', code));
  item.append(qr, words);
  return item;
}

function line(tag: string, className: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
