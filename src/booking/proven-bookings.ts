import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { messageOf } from '../process/error-facts.ts';
import { BookingsUnknownError, type ProvenBookings } from '../store/seat-store.ts';

/**
 * The tickets and bookings of a show in the ledger, for its new epochs (G12). `isRequired`: no epoch opens without the reply of the
 * ledger. Otherwise, while the ledger is unavailable, only the store shows which seats are booked.
 */
export function provenBookingsOf({
  ledger,
  show,
  isRequired,
  logger,
}: {
  ledger: Pick<Ledger, 'restorable'>;
  show: string;
  isRequired: boolean;
  logger: Logger;
}): ProvenBookings {
  return async () => {
    try {
      return await ledger.restorable(show);
    } catch (cause) {
      if (isRequired) throw new BookingsUnknownError(show, messageOf(cause), { cause });
      logger.warn({ error: messageOf(cause) }, 'The show opens without its bookings from the ledger');
      return [];
    }
  };
}
