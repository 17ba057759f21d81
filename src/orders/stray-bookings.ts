import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { present } from '../process/present.ts';
import type { SeatsOfShow } from './order-seats.ts';

export interface StrayBookingsOptions {
  ledger: Pick<Ledger, 'strayBookings'>;
  /** The shows that this process has opened, by id. */
  shows: () => Iterable<[show: string, seats: SeatsOfShow]>;
  logger: Logger;
}

/**
 * Frees booked seats whose orders have ended without a ticket: the order was given up after a process had sent the store a command to
 * sell its seats, and the store lost the trace of it. Any process may do it, at any time.
 */
export class StrayBookings {
  readonly #options: StrayBookingsOptions;

  constructor(options: StrayBookingsOptions) {
    this.#options = options;
  }

  /** Never rejects: a show whose seats or orders cannot be read has its turn in the next round. */
  async free(): Promise<void> {
    const { shows, logger } = this.#options;
    for (const [show, seats] of shows()) {
      await this.#freeIn(show, seats).catch((err) => logger.debug({ err, show }, 'Stray bookings were not looked for'));
    }
  }

  async #freeIn(show: string, seats: SeatsOfShow): Promise<void> {
    const { ledger, logger } = this.#options;
    // Before the orders: a seat that has been booked for a newer order since is not freed.
    const booked = seats.bookedSeats();
    if (booked.length === 0) return;
    const positions = new Map(booked.map(({ seatId, at }) => [seatId, at]));
    for (const { seatId, userId, orderId } of await ledger.strayBookings(show, booked)) {
      const ifBookedAt = present(positions.get(seatId), seatId);
      await seats.commandOfOrder({ action: 'revoke', seatIds: [seatId], userId, orderId, ifBookedAt });
      logger.warn({ show, seatId, orderId }, 'A booked seat without a ticket was freed: its orders have ended');
    }
  }
}
