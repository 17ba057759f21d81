import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { EventBus } from '../events/event-bus.ts';
import type { HttpApp } from '../http/http-app.ts';
import { type InspectOptions, registerInspectRoutes } from '../inspect/routes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { Projections } from '../ledger/projections.ts';
import { registerOrderMetrics } from '../orders/order-metrics.ts';
import type { Show } from '../shows/show.ts';
import { isWithheld } from '../store/restore-venue.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import type { ProvenBookings, SeatLog, SeatStore } from '../store/seat-store.ts';
import { buildBookingApp } from './app.ts';
import type { BookingAppOptions } from './app-options.ts';
import { BookingService } from './booking-service.ts';
import { type CheckoutOptions, startCheckout } from './checkout.ts';
import { bookingMetrics } from './metrics.ts';
import { provenBookingsOf } from './proven-bookings.ts';
import { type ShowOnSale, ShowsOnSale } from './shows-on-sale.ts';

/** A larger show starts actors only when needed; so do all shows except the default one, because there may be hundreds. */
const maxActorsAtStart = 1_000;

export interface BookingProcessOptions extends Pick<BookingAppOptions, 'logger' | 'access' | 'publicDir' | 'isReady'> {
  /** The first is the default show. */
  shows: readonly Show[];
  /** Apply to shows without rules of their own. */
  rules: HoldRules;
  /** The logger names the show, unless it is the default one. `provenBookings`: absent without a ledger. */
  storeOf: (show: Show, rules: HoldRules, logger: Logger, provenBookings?: ProvenBookings) => SeatStore & SeatLog;
  busOf: (show: Show) => EventBus;
  /** Gets the transitions of every open show; closed with the process. Absent: there is none. */
  ledger?: Ledger | undefined;
  /** Whether the store has another plan of the show. Absent: the store keeps no plans. */
  hasOtherPlan?: (show: Show) => Promise<boolean>;
  /** How often the replicas of the store did not confirm decisions in time. */
  unreplicated?: () => number;
  /** Absent: there is no checkout. It needs a ledger. */
  checkout?: CheckoutOptions | undefined;
  /** Called when all shows are closed: closes the connections that their stores and buses share. */
  closeConnections?: () => Promise<unknown>;
  /** Absent: there is no inspector. */
  inspect?: InspectOptions | undefined;
}

export interface BookingProcess {
  app: HttpApp;
  shows: ShowsOnSale;
  /** The registry of its metrics. */
  registry: Registry;
}

/** Builds the services of all shows and their HTTP API. `app.close()` closes everything. */
export async function buildBookingProcess({
  shows: list,
  rules: commonRules,
  storeOf,
  busOf,
  ledger,
  hasOtherPlan,
  unreplicated = () => 0,
  checkout: checkoutOptions,
  closeConnections,
  inspect,
  ...rest
}: BookingProcessOptions): Promise<BookingProcess> {
  const sum = (count: (show: ShowOnSale) => number) =>
    [...shows.opened].reduce((total, show) => total + count(show), 0);
  const metrics = bookingMetrics({
    shows: () => shows.openedCount,
    unreplicated,
    unrelayed: () => sum(({ service }) => service.unrelayedEvents),
    actors: () => sum(({ service }) => service.seatActors.running),
    withheld: () => sum(({ service }) => [...service.view.seats].filter(isWithheld).length),
  });
  const projections = ledger && new Projections(ledger, metrics.registry);
  const shows: ShowsOnSale = new ShowsOnSale({
    shows: list,
    rules: commonRules,
    hasOtherPlan,
    serviceOf: (show, rules) => {
      const logger = show === list[0] ? rest.logger : rest.logger.child({ show: show.id });
      const isRequired = checkoutOptions !== undefined;
      const proven = ledger && provenBookingsOf({ ledger, show: show.id, isRequired, logger });
      const store = storeOf(show, rules, logger, proven);
      const service = new BookingService({
        store,
        bus: busOf(show),
        logger,
        venue: { name: show.id, rules },
        startsAllActors: show === list[0] && show.plan.size <= maxActorsAtStart,
        openShows: () => shows.openedCount,
        onDecision: (commands, durationMs) => {
          metrics.decisionCommands.observe(commands);
          metrics.decisionSeconds.observe(durationMs / 1000);
        },
      });
      projections?.add({ show: show.id, log: store, view: service.view, logger });
      return service;
    },
  });
  const checkout = checkoutOptions && ledger && startCheckout({ ...checkoutOptions, ledger }, shows, rest.logger);
  if (checkout) registerOrderMetrics(metrics.registry, checkout.ledger);
  const app = await buildBookingApp({ shows, metrics, checkout, ...rest });
  app.addHook('onClose', async () => {
    await checkout?.close();
    await shows.close();
    await projections?.stop();
    await ledger?.close();
    await closeConnections?.();
  });
  if (inspect) {
    await registerInspectRoutes(app, { shows, orderActors: checkout?.actors, logger: rest.logger, ...inspect });
  }
  return { app, shows, registry: metrics.registry };
}
