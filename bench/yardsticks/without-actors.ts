import { buildBookingApp } from '../../src/booking/app.ts';
import type { BookingService } from '../../src/booking/booking-service.ts';
import { bookingMetrics } from '../../src/booking/metrics.ts';
import { ShowsOnSale } from '../../src/booking/shows-on-sale.ts';
import { configuredRules, venueSettings } from '../../src/booking/venue-settings.ts';
import { NatsEventBus } from '../../src/events/nats-event-bus.ts';
import { NatsLink } from '../../src/events/nats-link.ts';
import { accessOf } from '../../src/identity/access.ts';
import { loadBookingConfig } from '../../src/process/config.ts';
import { present } from '../../src/process/present.ts';
import { runProcess } from '../../src/process/run-process.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import { redisPlace } from '../../src/store/redis-place.ts';
import { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import { connectRedis } from '../../src/store/redis-servers.ts';
import { type Answer, StoreUnavailableError, type UserCommand } from '../../src/store/seat-store.ts';
import { StoreClock } from '../../src/venue/store-clock.ts';
import { VenueView } from '../../src/venue/venue-view.ts';

/**
 * The same routes, script and publishing, without actors and without the queue in front of them: each request calls the
 * script. An expired hold ends only with the next command on its seat.
 */
await runProcess('without-actors', loadBookingConfig, async (config, logger) => {
  const venue = venueSettings(config);
  const rules = configuredRules(config);
  const show = defaultShow(venue, venue.name);
  const { REDIS_KEY_PREFIX: keyPrefix } = config;
  const servers = connectRedis({ place: redisPlace(config), logger });
  const store = new RedisSeatStore({ ...rules, servers, keyPrefix, plan: show.plan, logger });
  const link = NatsLink.connect({ url: config.NATS_URL, name: 'without-actors', logger });
  const bus = new NatsEventBus(link);
  const opened = await whenReady(() => store.open());
  const view = new VenueView();
  view.reset(opened);
  const storeClock = new StoreClock();
  storeClock.synchronise(opened.nowMs);
  const direct = {
    isOpen: true,
    isReady: async () => true,
    view,
    storeClock,
    async command(command: UserCommand): Promise<Answer> {
      const known = { epoch: opened.epoch, seq: opened.seq };
      const { answers, events } = await store.decide([{ ...command, request: undefined }], known);
      for (const event of events) if (bus.connected) bus.publish(event).catch(() => {});
      return present(answers[0], 'an answer');
    },
  };
  const service = direct as unknown as BookingService; // the routes use no more of it
  const app = await buildBookingApp({
    shows: new ShowsOnSale({ shows: [show], rules, serviceOf: () => service }),
    metrics: bookingMetrics({
      shows: () => 1,
      unrelayed: () => 0,
      actors: () => 0,
      withheld: () => 0,
      unreplicated: () => 0,
    }),
    logger,
    access: accessOf(config, logger),
  });
  app.addHook('onClose', async () => {
    await link.close();
    servers.close();
  });
  return app;
});

async function whenReady<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
