import type { OrderReply } from '../../protocol/order.ts';
import { priceFormat } from '../../shows/price-format.ts';
import { timeText } from '../../shows/time-text.ts';
import type { Announcer } from '../announcer.ts';
import { element, setAttribute, setDisabled, setText } from '../dom.ts';
import { orderWords } from './order-words.ts';
import { Tickets } from './tickets.ts';
import { minutesText, TimeToPay } from './time-to-pay.ts';

const urgentMs = 60_000;

interface ShownOrder {
  order: OrderReply;
  /** The time left to pay. */
  msLeft: number;
  /** A command of the user has no reply yet. */
  isBusy: boolean;
}

/** The page of one order: what is bought, what has become of it, and what the user can do. */
export class OrderView {
  readonly #announcer: Announcer;
  readonly #root = element('order', HTMLElement);
  readonly #status = element('order-status', HTMLElement);
  readonly #title = element('order-title', HTMLElement);
  readonly #text = element('order-text', HTMLElement);
  readonly #why = element('order-why', HTMLElement);
  readonly #countdown = element('pay-countdown', HTMLElement);
  readonly #timer = element('pay-timer', HTMLElement);
  readonly #payLink = element('pay-link', HTMLAnchorElement);
  readonly #payButton = element('pay-btn', HTMLButtonElement);
  readonly #cancelButton = element('cancel-btn', HTMLButtonElement);
  readonly #againLink = element('again-link', HTMLAnchorElement);
  readonly #print = element('print-area', HTMLElement);
  readonly #tickets = new Tickets();
  readonly #timeToPay = new TimeToPay();
  #announced = '';

  constructor(announcer: Announcer) {
    this.#announcer = announcer;
  }

  render({ order, msLeft, isBusy }: ShownOrder): void {
    const focused = document.activeElement;
    const format = priceFormat(order.currency);
    const amount = format(order.amount);
    const { title, text, why, tone } = orderWords(order, msLeft, amount);
    element('order-loading', HTMLElement).hidden = true;
    this.#root.hidden = false;
    this.#status.className = `order-status ${tone}`;
    setText(this.#title, title);
    setText(this.#text, text);
    this.#why.hidden = why === undefined;
    setText(this.#why, `Reason: ${why ?? ''}`);
    this.#renderFacts(order, format);
    this.#renderActions(order, msLeft, { amount, isBusy });
    this.#tickets.render(order);
    this.#announce(`${title}. ${text}`, tone === 'error');
    // The focused button has gone with its state.
    if (focused instanceof HTMLElement && this.#root.contains(focused) && !focused.checkVisibility())
      this.#title.focus();
  }

  /** Called as time passes. */
  renderTime(msLeft: number): void {
    setText(this.#timer, minutesText(msLeft));
    this.#status.classList.toggle('urgent', msLeft <= urgentMs);
    const announcement = this.#timeToPay.announcement(msLeft);
    if (announcement !== undefined && !this.#countdown.hidden) this.#announcer.announce(announcement);
  }

  #renderFacts(order: OrderReply, format: (amount: number) => string): void {
    const { show_name: showName, starts_at: startsAt, seats, amount } = order;
    document.title = `${this.#title.textContent} · ${showName}`;
    setText(
      element('order-facts', HTMLElement),
      startsAt === undefined ? showName : `${showName} · ${timeText(startsAt)}`,
    );
    const showPage = `/shows/${encodeURIComponent(order.show)}`;
    for (const link of [element('to-show', HTMLAnchorElement), this.#againLink]) setAttribute(link, 'href', showPage);
    setText(element('order-number', HTMLElement), order.id);
    setText(element('order-amount', HTMLElement), format(amount));
    const rows = element('order-seats', HTMLTableSectionElement);
    if (rows.childElementCount > 0) return; // they never change
    rows.replaceChildren(
      ...seats.map(({ name, ticket_type: type, price }) => {
        const row = document.createElement('tr');
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = name;
        row.append(head);
        row.insertCell().textContent = type;
        row.insertCell().textContent = format(price);
        return row;
      }),
    );
  }

  #renderActions(
    { state, pay_url: payUrl, failure }: OrderReply,
    msLeft: number,
    { amount, isBusy }: { amount: string; isBusy: boolean },
  ): void {
    const isPayable = (state === 'open' || state === 'paying') && msLeft > 0;
    this.#countdown.hidden = !isPayable;
    this.#payLink.hidden = !isPayable || state !== 'paying' || payUrl === undefined;
    setAttribute(this.#payLink, 'href', payUrl);
    setText(this.#payLink, `Pay ${amount}`);
    this.#payButton.hidden = !isPayable || state !== 'open';
    setText(this.#payButton, failure === undefined ? `Pay ${amount}` : `Pay ${amount} again`);
    this.#cancelButton.hidden = !isPayable && state !== 'authorised';
    for (const button of [this.#payButton, this.#cancelButton]) {
      setDisabled(button, isBusy);
      setAttribute(button, 'aria-busy', isBusy ? 'true' : undefined);
    }
    this.#againLink.hidden = !['lapsed', 'cancelled', 'refunding', 'refunded'].includes(state);
    this.#print.hidden = state !== 'issued';
  }

  /** The first text is not announced: a screen reader reads the opened page by itself. */
  #announce(text: string, urgent: boolean): void {
    if (this.#announced !== '' && this.#announced !== text) this.#announcer.announce(text, urgent);
    this.#announced = text;
  }
}
