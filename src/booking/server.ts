import { fileURLToPath } from 'node:url';
import { NatsEventBus } from '../events/nats-event-bus.ts';
import { accessOf } from '../identity/access.ts';
import { inspectOptions } from '../inspect/routes.ts';
import { loadBookingConfig } from '../process/config.ts';
import { runProcess } from '../process/run-process.ts';
import { RedisSeatStore } from '../store/redis-seat-store.ts';
import { buildBookingProcess } from './booking-process.ts';
import { venueSettings } from './venue-settings.ts';

const publicDir = fileURLToPath(new URL('../../public', import.meta.url));
const inspectPageDir = fileURLToPath(new URL('../inspect-page', import.meta.url));

await runProcess('booking', loadBookingConfig, async (config, logger) => {
  const venue = venueSettings(config);
  const store = new RedisSeatStore({
    ...venue,
    url: config.REDIS_URL,
    keyPrefix: config.REDIS_KEY_PREFIX,
    logger,
  });
  const bus = NatsEventBus.connect({ url: config.NATS_URL, name: `booking-${config.PORT}`, logger });
  const access = accessOf(config, logger);
  const inspect = inspectOptions(config, { node: `booking-${config.PORT}`, pageDir: inspectPageDir });
  const { app, service } = await buildBookingProcess({ store, bus, logger, venue, access, publicDir, inspect });
  service.start();
  return app;
});
