import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import { OrderActors } from '../orders/order-actors.ts';
import { OrderService } from '../orders/order-service.ts';
import type { Payments } from '../orders/payments.ts';
import { Reconciler } from '../orders/reconciler.ts';
import type { SandboxSite } from '../orders/sandbox/sandbox-site.ts';
import { StrayBookings } from '../orders/stray-bookings.ts';
import type { TicketCodes } from '../orders/ticket-codes.ts';
import { hostClock } from '../process/clock.ts';
import { Rounds } from '../process/rounds.ts';
import { StoreUnavailableError } from '../store/seat-store.ts';
import type { ShowsOnSale } from './shows-on-sale.ts';

const strayIntervalMs = 60_000;

export interface CheckoutOptions {
  payments: Payments;
  tickets: TicketCodes;
  /** The time to pay. */
  paymentMs: number;
  /** The pages of our own provider, if it is in use. */
  sandbox?: SandboxSite | undefined;
}

/** Checkout in a booking process: shows with prices are sold by orders. */
export interface Checkout extends CheckoutOptions {
  ledger: Ledger;
  orders: OrderService;
  actors: OrderActors;
  /** Whether the ledger replies. */
  isAvailable(): boolean;
  /** Ends the timers. The caller closes the ledger. */
  close(): Promise<void>;
}

export function startCheckout(
  options: CheckoutOptions & { ledger: Ledger },
  shows: ShowsOnSale,
  logger: Logger,
): Checkout {
  const { ledger, payments, paymentMs } = options;
  const { service } = shows.default;
  const nowMs = () => {
    if (!service.isOpen) throw new StoreUnavailableError('The time of the store is not known yet');
    return Math.floor(service.storeClock.nowMs());
  };
  const actors = new OrderActors({
    clock: hostClock,
    nowMs,
    advance: (id) => {
      orders
        .advance(id, { mayAsk: true })
        .catch((err) => logger.debug({ err, orderId: id }, 'An order was not advanced'));
    },
  });
  const orders: OrderService = new OrderService({
    ledger,
    payments,
    paymentMs,
    logger,
    nowMs,
    seatsOf: (show) => shows.find(show)?.service,
    onOrder: (order) => actors.show(order),
  });
  const reconciler = new Reconciler({ orders, clock: hostClock, logger });
  reconciler.start();
  const strays = new StrayBookings({
    ledger,
    shows: () => [...shows.opened].map(({ show, service }) => [show.id, service]),
    logger,
  });
  const strayRounds = new Rounds({ clock: hostClock, intervalMs: strayIntervalMs, round: () => strays.free() });
  strayRounds.start(strayIntervalMs);
  return {
    ...options,
    orders,
    actors,
    isAvailable: () => reconciler.isLedgerAvailable,
    async close() {
      await Promise.all([reconciler.stop(), strayRounds.stop()]);
      actors.stop();
    },
  };
}
