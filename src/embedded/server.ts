import { fileURLToPath } from 'node:url';
import { buildBookingProcess } from '../booking/booking-process.ts';
import { configuredCheckout } from '../booking/configured-checkout.ts';
import { configuredShows } from '../booking/configured-shows.ts';
import { configuredRules, venueSettings } from '../booking/venue-settings.ts';
import { BookingClient } from '../edge/booking-client.ts';
import { doorOf } from '../edge/door.ts';
import { Edge } from '../edge/edge.ts';
import { limitsOf } from '../edge/limits.ts';
import { MemoryBusLine, MemoryEventBus } from '../events/memory-event-bus.ts';
import { accessOf } from '../identity/access.ts';
import { edgeKeyHeader, newEdgeKey } from '../identity/edge-key.ts';
import { inspectOptions } from '../inspect/routes.ts';
import { MemoryLedger } from '../ledger/memory-ledger.ts';
import { MemorySandboxStore } from '../orders/sandbox/sandbox-store.ts';
import { loadEmbeddedConfig } from '../process/config.ts';
import { runProcess } from '../process/run-process.ts';
import { MemorySeatStore } from '../store/memory-seat-store.ts';

const folderOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The whole system in one process, for development and for machines without Redis, NATS and nginx. */
await runProcess('embedded', loadEmbeddedConfig, async (config, logger) => {
  logger.warn('EMBEDDED: no Redis, no NATS, no Postgres. Every hold, booking and order ends with this process.');
  const rules = configuredRules(config);
  const shows = configuredShows(venueSettings(config), config.SHOWS_DIR ?? folderOf('shows'));
  const line = new MemoryBusLine();
  const edgeKey = newEdgeKey();
  const process = await buildBookingProcess({
    shows,
    rules,
    storeOf: ({ plan }, rulesOfShow, _logger, provenBookings) =>
      new MemorySeatStore({ ...rulesOfShow, plan, provenBookings }),
    ledger: new MemoryLedger(),
    checkout: await configuredCheckout(config, new MemorySandboxStore(), logger),
    busOf: (show) => new MemoryEventBus(line, show === shows[0] ? undefined : show.id),
    logger,
    publicDir: folderOf('public'),
    access: { ...accessOf(config, logger), edgeKey },
    isReady: () => edge.isReady(),
    inspect: inspectOptions(config, {
      node: 'embedded',
      pageDir: fileURLToPath(new URL('../inspect-page', import.meta.url)),
    }),
  });
  const { app, registry } = process;

  const host = config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST;
  const booking = new BookingClient({
    urls: [`http://${host}:${config.PORT}`],
    headers: { [edgeKeyHeader]: edgeKey },
  });
  const edge: Edge = new Edge({
    busOf: (show) => new MemoryEventBus(line, show),
    booking,
    defaultShow: config.VENUE,
    logger,
    registry,
    limits: limitsOf(config),
    door: doorOf(config),
  });
  app.addHook('preClose', () => edge.drain());
  app.addHook('onClose', () => booking.close());
  app.addHook('onListen', async () => logger.warn(`Open http://localhost:${config.PORT}`));
  edge.start(app.server);
  process.shows.start();
  return app;
});
