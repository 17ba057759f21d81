import { NatsEventBus } from '../events/nats-event-bus.ts';
import { NatsLink } from '../events/nats-link.ts';
import { commaList, loadEdgeConfig } from '../process/config.ts';
import { runProcess } from '../process/run-process.ts';
import { registerProblemsRoute } from '../status/problems-route.ts';
import { buildEdge } from './app.ts';
import { BookingClient } from './booking-client.ts';
import { doorOf } from './door.ts';
import { limitsOf } from './limits.ts';

await runProcess('edge', loadEdgeConfig, async (config, logger, problems) => {
  const link = NatsLink.connect({ url: config.NATS_URL, name: `edge-${config.PORT}`, logger, listensOnly: true });
  const booking = new BookingClient({ urls: commaList(config.BOOKING_URLS) });
  const { app, edge } = buildEdge({
    busOf: (show) => new NatsEventBus(link, show),
    booking,
    defaultShow: config.VENUE,
    logger,
    limits: limitsOf(config),
    door: doorOf(config),
  });
  registerProblemsRoute(app, problems);
  app.addHook('onClose', () => Promise.all([link.close(), booking.close()]));
  void edge.ready.then(() => logger.info('Venue loaded, accepting connections'));
  return app;
});
