import type { OrderReply } from '../../protocol/order.ts';
import { SeatStatus } from '../../protocol/seat-status.ts';
import { unavailableTopic } from '../message-list.ts';
import type { Page } from '../page.ts';
import { CheckoutRequest } from './checkout-request.ts';
import { OrderList } from './order-list.ts';
import { OwnOrders } from './own-orders.ts';

interface ShowCheckoutOptions {
  /** Id of the show. */
  show: string;
  page: () => Page;
  /** Whether the seats of the show are sold by orders. */
  isOn: () => boolean;
  ticketTypeOf: (seatId: string) => string | undefined;
  namesOf: (seatIds: readonly string[]) => readonly string[];
  rangesOf: (seatIds: readonly string[]) => string;
  /** Sum of the prices, for people; undefined if one is unknown. */
  sumOf: (seatIds: readonly string[]) => string | undefined;
  formatPrice: (amount: number) => string;
  /** Reads prices and rules of the show again. */
  reread: () => void;
}

const cookiesNeededText =
  'Cookies are blocked, so your order could not be found again after the payment. Allow cookies for this site, then reload the page.';

/** Checkout on the page of a show: the order of held seats, and the user's orders beside the map. */
export class ShowCheckout {
  readonly #options: ShowCheckoutOptions;
  readonly #orders: OwnOrders;
  readonly #request: CheckoutRequest;
  readonly #list: OrderList;
  #nextTick: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ShowCheckoutOptions) {
    const { show, page, ticketTypeOf, namesOf, rangesOf, formatPrice, reread } = options;
    /** `fetch` must be called as a method of the window. */
    const fetcher: typeof fetch = (...request) => fetch(...request);
    const onChange = () => page().requestRender();
    this.#options = options;
    this.#orders = new OwnOrders({ show, fetch: fetcher, headers: () => page().session.authorization, onChange });
    this.#list = new OrderList({ rangesOf, formatPrice, msLeft: (order) => this.#msLeft(order) });
    this.#request = new CheckoutRequest({
      show,
      fetch: fetcher,
      ticketTypeOf,
      namesOf,
      report: (...message) => page().report(...message),
      onOrder: (order) => {
        // The page may be shown again as it is now, by Back.
        this.#orders.add(order);
        location.assign(`/orders/${encodeURIComponent(order.id)}`);
      },
      learn: (seats) => page().actions.learn(seats),
      onOtherOrder: () => void this.#orders.read(),
      onOtherPrices: reread,
      onUserRefused: () => void page().session.check(),
      onChange,
    });
    const readAgain = () => {
      if (options.isOn() && this.#orders.shown.length > 0) void this.#orders.read();
    };
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) readAgain();
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) readAgain();
    });
  }

  get isPending(): boolean {
    return this.#request.isPending;
  }

  /** Label of the button; undefined: the seats are booked without an order. */
  label(seatIds: readonly string[]): string | undefined {
    if (!this.#options.isOn()) return undefined;
    const sum = this.#options.sumOf(seatIds);
    return `Check out ${seatIds.length === 1 ? '1 seat' : `${seatIds.length} seats`}${sum === undefined ? '' : ` · ${sum}`}`;
  }

  start(seatIds: readonly string[]): void {
    const { unavailableReason, session, report } = this.#options.page();
    const reason = unavailableReason();
    if (reason !== undefined) report(reason, 'error', { topic: unavailableTopic });
    else if (session.token !== undefined) report(cookiesNeededText, 'error', { topic: 'cookies' });
    else void this.#request.start(seatIds);
  }

  isOrdered(seatId: string): boolean {
    return this.#orders.orderOf(seatId) !== undefined;
  }

  /** True if the seat is in an order; the page then says so. */
  explains(seatId: string): boolean {
    const order = this.#orders.orderOf(seatId);
    if (!order) return false;
    const name = this.#options.namesOf([seatId]).join();
    const offer = {
      label: 'Go to your order',
      accept: () => location.assign(`/orders/${encodeURIComponent(order.id)}`),
    };
    const text = `${name} is in your order. Pay the order, or cancel it to release its seats.`;
    this.#options.page().report(text, 'info', { topic: 'ordered', seatIds: [seatId], offer });
    return true;
  }

  render(): void {
    if (!this.#options.isOn()) return;
    const { actions, clock, session } = this.#options.page();
    const { venue } = actions;
    if (session.userId !== undefined && venue.isKnown) {
      const userId = session.userId;
      const seats = [...venue.holdsOf(userId), ...venue.bookedBy(userId)].map((seat) => ({
        seat,
        leftMs: seat.status === SeatStatus.held ? clock.msUntil(seat.expires_at ?? 0) : 0,
      }));
      this.#orders.explain(userId, seats, venue.holdSeconds * 1000);
    }
    this.#renderList();
  }

  /** The times are whole seconds. */
  #renderList(): void {
    clearTimeout(this.#nextTick);
    const orders = this.#orders.shown;
    this.#list.render(orders);
    const leftMs = orders.map((order) => this.#msLeft(order)).filter((ms) => ms > 0);
    if (leftMs.length === 0) return;
    const delayMs = Math.min(...leftMs.map((ms) => ms % 1000 || 1000));
    this.#nextTick = setTimeout(() => this.#renderList(), delayMs);
  }

  #msLeft({ pay_until: until }: OrderReply): number {
    return this.#options.page().clock.msUntil(until);
  }
}
