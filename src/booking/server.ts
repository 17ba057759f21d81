import { fileURLToPath } from 'node:url';
import { loadBookingConfig } from '../config.ts';
import { NatsEventBus } from '../events/nats-event-bus.ts';
import { accessOf } from '../identity/access.ts';
import { runProcess } from '../run-process.ts';
import { RedisSeatStore } from '../store/redis-seat-store.ts';
import { venueSettings } from '../venue/venue-settings.ts';
import { buildBooking } from './booking.ts';

const publicDir = fileURLToPath(new URL('../../public', import.meta.url));

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
  const { app, service } = await buildBooking({ store, bus, logger, venue, access, publicDir });
  service.start();
  return app;
});
