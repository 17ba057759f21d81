import type { OrderReply } from '../../protocol/order.ts';
import type { Seat } from '../../protocol/seat.ts';
import { type ApiFailure, callApi, postJson } from '../api-call.ts';
import type { MessageDetails, MessageTone } from '../message-list.ts';
import { listed } from '../wording.ts';

export interface CheckoutRequestOptions {
  /** Id of the show. */
  show: string;
  fetch: typeof fetch;
  /** Undefined: the show has no ticket types. */
  ticketTypeOf: (seatId: string) => string | undefined;
  namesOf: (seatIds: readonly string[]) => readonly string[];
  report: (text: string, tone: MessageTone, details?: MessageDetails) => void;
  /** The order exists: the user goes there. */
  onOrder: (order: OrderReply) => void;
  /** Takes over the seats that are the reason of a refusal. */
  learn: (seats: readonly Seat[]) => void;
  /** One of the seats is in another order. */
  onOtherOrder: () => void;
  /** The server knows other prices or ticket types. */
  onOtherPrices: () => void;
  /** The server does not accept the page as this user. */
  onUserRefused: () => void;
  onChange: () => void;
}

const topic = 'checkout';

/** Makes an order of held seats: one request at a time. */
export class CheckoutRequest {
  readonly #options: CheckoutRequestOptions;
  #isPending = false;

  constructor(options: CheckoutRequestOptions) {
    this.#options = options;
  }

  get isPending(): boolean {
    return this.#isPending;
  }

  /** The same seats again lead to the same order, so a repetition is safe. */
  async start(seatIds: readonly string[]): Promise<void> {
    if (this.#isPending || seatIds.length === 0) return;
    const { show, fetch: fetcher, ticketTypeOf, onOrder, onChange } = this.#options;
    this.#setPending(true);
    const seats = seatIds.map((id) => {
      const type = ticketTypeOf(id);
      return { id, ...(type !== undefined && { ticket_type: type }) };
    });
    const path = `/api/shows/${encodeURIComponent(show)}/orders`;
    const result = await callApi<OrderReply>(fetcher, path, postJson({ seats }));
    this.#setPending(false);
    if ('body' in result) onOrder(result.body);
    else this.#refused(result, seatIds);
    onChange();
  }

  #setPending(isPending: boolean): void {
    this.#isPending = isPending;
    this.#options.onChange();
  }

  #refused({ error, seats }: ApiFailure, seatIds: readonly string[]): void {
    const { report, learn, namesOf, onOtherOrder, onOtherPrices, onUserRefused } = this.#options;
    learn(seats);
    const reasonIds = seats.length > 0 ? seats.map(({ id }) => id) : seatIds;
    const names = listed(namesOf(reasonIds));
    switch (error.code) {
      case 'NOT_HOLDER':
      case 'SEAT_HELD':
      case 'SEATS_TAKEN':
      case 'SEAT_BOOKED':
        report(`You no longer hold ${names}, so nothing was ordered. Nothing was charged.`, 'error', { topic });
        break;
      case 'ORDER_CLOSED':
        onOtherOrder();
        report('One of these seats is in another order of yours. Pay or cancel that order first.', 'error', { topic });
        break;
      case 'INVALID_REQUEST':
        onOtherPrices();
        report('Prices or ticket types have changed. Look at the new total, then check out again.', 'error', { topic });
        break;
      default: {
        if (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN') onUserRefused();
        const text = `Checkout did not work: ${error.message.replace(/\.$/, '')}. Nothing was charged, and your hold goes on until its time is up.`;
        const offer = { label: 'Try again', accept: () => void this.start(seatIds) };
        report(text, 'error', { topic, ...(error.retryable && { offer }) });
      }
    }
  }
}
