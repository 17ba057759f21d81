import { fileURLToPath } from 'node:url';
import { loadBookingConfig } from '../config.ts';
import { NatsEventBus } from '../events/nats-event-bus.ts';
import { inspectOptions } from '../inspect/routes.ts';
import { runProcess } from '../run-process.ts';
import { RedisSeatStore } from '../store/redis-seat-store.ts';
import { buildBooking } from './booking.ts';

const pageDir = fileURLToPath(new URL('../inspect-page', import.meta.url));

await runProcess('booking', loadBookingConfig, async (config, logger) => {
  const { VENUE: name, VENUE_ROWS: rows, VENUE_COLS: cols, HOLD_SECONDS: holdSeconds } = config;
  const store = new RedisSeatStore({
    url: config.REDIS_URL,
    keyPrefix: config.REDIS_KEY_PREFIX,
    holdTtlMs: Math.round(holdSeconds * 1000),
    rows,
    cols,
    logger,
  });
  const bus = NatsEventBus.connect({ url: config.NATS_URL, name: `booking-${config.PORT}`, logger });
  const inspect = inspectOptions(config, { node: `booking-${config.PORT}`, pageDir });
  const { app, service } = await buildBooking({
    store,
    bus,
    logger,
    inspect,
    venue: { name, rows, cols, holdSeconds },
  });
  service.start();
  return app;
});
