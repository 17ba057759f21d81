import type { OrderReply } from '../../protocol/order.ts';
import { element, setAttribute, setText } from '../dom.ts';
import { minutesText } from '../order/time-to-pay.ts';

interface OrderListOptions {
  /** Names of seats, as short as possible. */
  rangesOf: (seatIds: readonly string[]) => string;
  formatPrice: (amount: number) => string;
  msLeft: (order: OrderReply) => number;
}

/** The user's orders of a show, beside the map: each is a link to its page. */
export class OrderList {
  readonly #root = element('order-info', HTMLElement);
  readonly #list = element('order-list', HTMLElement);
  readonly #options: OrderListOptions;

  constructor(options: OrderListOptions) {
    this.#options = options;
  }

  render(orders: readonly OrderReply[]): void {
    this.#root.hidden = orders.length === 0;
    while (this.#list.childElementCount > orders.length) this.#list.lastElementChild?.remove();
    for (const [index, order] of orders.entries()) this.#draw(order, this.#list.children[index] ?? this.#add());
  }

  #draw(order: OrderReply, item: Element): void {
    const [link, time] = item.children;
    if (!link || !time) return;
    setAttribute(link, 'href', `/orders/${encodeURIComponent(order.id)}`);
    setText(link, this.#label(order));
    const msLeft = this.#options.msLeft(order);
    setText(time, isPayable(order) && msLeft > 0 ? `${minutesText(msLeft)} left` : '');
  }

  #label(order: OrderReply): string {
    const { rangesOf, formatPrice } = this.#options;
    const seats = rangesOf(order.seats.map(({ id }) => id));
    if (isPayable(order)) return `Pay ${formatPrice(order.amount)} for ${seats}`;
    const count = order.seats.length;
    switch (order.state) {
      case 'authorised':
      case 'booking':
        return `Paid: ${seats}`;
      case 'issued':
        return count === 1 ? `Ticket for ${seats}` : `Tickets for ${seats}`;
      default:
        return `Order of ${seats}: see what happened`;
    }
  }

  #add(): Element {
    const item = document.createElement('li');
    item.append(document.createElement('a'), document.createElement('span'));
    this.#list.append(item);
    return item;
  }
}

const isPayable = ({ state }: OrderReply): boolean => state === 'open' || state === 'paying';
