import { SeatWords } from '../browser/map/seat-words.ts';
import { type Order, paymentState } from '../ledger/order.ts';
import type { TicketCodes } from '../orders/ticket-codes.ts';
import type { OrderReply } from '../protocol/order.ts';
import type { Show } from '../shows/show.ts';
import { timeField } from './show-replies.ts';
import type { ShowsOnSale } from './shows-on-sale.ts';

/** Orders as the API has them, with the names of shows and seats, and with the codes of tickets. */
export class OrderReplies {
  readonly #shows: ShowsOnSale;
  readonly #tickets: TicketCodes;

  constructor(shows: ShowsOnSale, tickets: TicketCodes) {
    this.#shows = shows;
    this.#tickets = tickets;
  }

  /** `payUrl`: where the order can be paid now. */
  of(order: Order, payUrl?: string): OrderReply {
    const { id, show: showId, state, amountMinor, currency, payUntilMs, reason } = order;
    const show = this.#shows.list.find((each) => each.id === showId);
    const failure = failureOf(order);
    return {
      id,
      show: showId,
      show_name: show?.name ?? showId,
      ...timeField('starts_at', show?.startsAtMs, show?.utcOffsets),
      state,
      amount: amountMinor,
      currency,
      seats: seatsOf(order, show),
      pay_until: payUntilMs / 1000,
      server_time: this.#shows.default.service.storeClock.serverTime(),
      ...(payUrl !== undefined && { pay_url: payUrl }),
      ...(failure !== undefined && { failure }),
      // If the order needs a person, the reason is an error of a server.
      ...(reason !== undefined && state !== 'needs_person' && { reason }),
      ...(state === 'issued' && { tickets: this.#ticketsOf(order) }),
    };
  }

  /** In the order of the seats. */
  #ticketsOf({ seats, tickets }: Order): NonNullable<OrderReply['tickets']> {
    const live = tickets.filter(({ voidedAtMs }) => voidedAtMs === undefined);
    return seats.flatMap(({ seatId }) =>
      live
        .filter((ticket) => ticket.seatId === seatId)
        .map(({ id }) => ({ seat: seatId, code: this.#tickets.codeOf(id) })),
    );
  }
}

function seatsOf({ seats }: Order, show: Show | undefined): OrderReply['seats'] {
  const words = show && new SeatWords(show.plan);
  return seats.map(({ seatId, ticketType, priceMinor }) => {
    const index = show?.plan.indexOf(seatId);
    const name = words && index !== undefined ? words.place(index) : seatId;
    return { id: seatId, name, ticket_type: ticketType, price: priceMinor };
  });
}

function failureOf({ state, payments }: Order): string | undefined {
  const last = payments.at(-1);
  return state === 'open' && last && paymentState(last) === 'failed' ? last.failure : undefined;
}
