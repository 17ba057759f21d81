import type { Ledger } from '../ledger/ledger.ts';
import type { Order } from '../ledger/order.ts';
import type { BookedSeat } from '../ledger/seat-history.ts';
import { endedStates } from '../protocol/order-state.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Answer, OrderCommand } from '../store/seat-store.ts';

/** Unfinished ones of a user: each has a seat of its own. */
const maxNewerOrders = 50;

/** Of a whole show, as it is in this epoch. */
export function bookedSeats(epoch: string, seats: Iterable<Seat>): BookedSeat[] {
  const booked = [...seats].filter(({ status }) => status === SeatStatus.booked);
  return booked.map(({ id, held_by = '', seq }) => ({ seatId: id, userId: held_by, at: { epoch, seq } }));
}

/** The seats of one show, as checkout needs them: a `BookingService`. */
export interface SeatsOfShow {
  /** As far as this process knows. */
  bookedSeats(): BookedSeat[];
  commandOfOrder(command: OrderCommand): Promise<Answer>;
}

export interface OrderSeatsOptions {
  ledger: Pick<Ledger, 'liveTicket' | 'orders'>;
  /** undefined: the show is not on sale here any more. */
  seatsOf: (show: string) => SeatsOfShow | undefined;
}

/** The seats of orders in Redis. Every method is idempotent, and rejects with the errors of `BookingService.command` or, of a show that is gone, an error. */
export class OrderSeats {
  readonly #options: OrderSeatsOptions;

  constructor(options: OrderSeatsOptions) {
    this.#options = options;
  }

  /** Extends the user's hold to at least `ttlMs` from now on. */
  hold(order: Order, ttlMs: number): Promise<Answer> {
    return this.#command(order, { action: 'checkout', ttlMs });
  }

  /** Books all seats. If the hold has ended, holds them again first, unless another user has one of them. */
  async sell(order: Order, reholdMs: number): Promise<Answer> {
    const sold = await this.#command(order, { action: 'sell' });
    if (sold.refusal !== 'NOT_HOLDER') return sold;
    const held = await this.#command(order, { action: 'rehold', ttlMs: reholdMs });
    return held.refusal ? held : this.#command(order, { action: 'sell' });
  }

  /**
   * Frees the seats that the order holds; afterwards no command of it changes a seat. False, and nothing is changed, if a seat
   * is booked without a ticket: by another process that goes on with this order, or since the store lost data.
   */
  close(order: Order): Promise<boolean> {
    return this.#end(order, 'close');
  }

  /** As `close`, but frees booked seats too: only when the ledger lets no process issue the order any more. */
  async revoke(order: Order): Promise<void> {
    await this.#end(order, 'revoke');
  }

  /** Seats of a show that is gone are as good as free: `StrayBookings` frees them if it returns. */
  async #end(order: Order, action: 'close' | 'revoke'): Promise<boolean> {
    if (!this.#options.seatsOf(order.show)) return true;
    const seatIds = await this.#ownSeatIds(order);
    if (seatIds.length === 0) return true;
    return (await this.#command(order, { action }, seatIds)).refusal === undefined;
  }

  /**
   * Not those with a live ticket: after the store lost data, they may belong to an earlier order of the same user. Not those of a newer
   * one either: this order freed them before, and the user may have bought them since.
   */
  async #ownSeatIds({ id, show, userId, seats, createdAtMs }: Order): Promise<string[]> {
    const { ledger } = this.#options;
    const orders = await ledger.orders({ show, userId, limit: maxNewerOrders });
    const isNewer = (other: Order) =>
      other.id !== id && other.createdAtMs > createdAtMs && !endedStates.has(other.state);
    const newer = new Set(orders.filter(isNewer).flatMap((other) => other.seats.map(({ seatId }) => seatId)));
    const own: string[] = [];
    for (const { seatId } of seats) {
      if (!newer.has(seatId) && !(await ledger.liveTicket(show, seatId))) own.push(seatId);
    }
    return own;
  }

  async #command(
    { id: orderId, show, userId, seats }: Order,
    command: { action: 'checkout' | 'rehold'; ttlMs: number } | { action: 'sell' | 'close' | 'revoke' },
    seatIds = seats.map(({ seatId }) => seatId),
  ): Promise<Answer> {
    const seatsOfShow = this.#options.seatsOf(show);
    if (!seatsOfShow) throw new Error(`The show ${show} is not on sale here any more`);
    return seatsOfShow.commandOfOrder({ ...command, seatIds, userId, orderId });
  }
}
