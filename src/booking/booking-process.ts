import type { Registry } from 'prom-client';
import type { EventBus } from '../events/event-bus.ts';
import type { HttpApp } from '../http/http-app.ts';
import { type InspectOptions, registerInspectRoutes } from '../inspect/routes.ts';
import { isWithheld } from '../store/restore-venue.ts';
import type { SeatStore } from '../store/seat-store.ts';
import { buildBookingApp } from './app.ts';
import type { BookingAppOptions } from './app-options.ts';
import { BookingService } from './booking-service.ts';
import { bookingMetrics } from './metrics.ts';

export interface BookingProcessOptions
  extends Pick<BookingAppOptions, 'logger' | 'venue' | 'access' | 'publicDir' | 'isReady'> {
  store: SeatStore;
  bus: EventBus;
  /** Absent: there is no inspector. */
  inspect?: InspectOptions | undefined;
}

export interface BookingProcess {
  app: HttpApp;
  service: BookingService;
  /** The registry of its metrics. */
  registry: Registry;
}

/** Builds the booking service and its HTTP API. `app.close()` closes both. */
export async function buildBookingProcess({
  store,
  bus,
  inspect,
  ...rest
}: BookingProcessOptions): Promise<BookingProcess> {
  const metrics = bookingMetrics({
    unrelayed: () => service.unrelayedEvents,
    actors: () => service.seatActors.running,
    withheld: () => [...service.view.seats].filter(isWithheld).length,
  });
  const service: BookingService = new BookingService({
    store,
    bus,
    logger: rest.logger,
    venue: rest.venue,
    onDecision: (commands, durationMs) => {
      metrics.decisionCommands.observe(commands);
      metrics.decisionSeconds.observe(durationMs / 1000);
    },
  });
  const app = await buildBookingApp({ service, metrics, ...rest });
  app.addHook('onClose', () => service.close());
  if (inspect) await registerInspectRoutes(app, { service, logger: rest.logger, ...inspect });
  return { app, service, registry: metrics.registry };
}
