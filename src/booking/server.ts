import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { NatsEventBus } from '../events/nats-event-bus.ts';
import { NatsLink } from '../events/nats-link.ts';
import { accessOf } from '../identity/access.ts';
import { inspectOptions } from '../inspect/routes.ts';
import { PostgresLedger } from '../ledger/postgres-ledger.ts';
import { RedisSandboxStore } from '../orders/sandbox/redis-sandbox-store.ts';
import { loadBookingConfig } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { runProcess } from '../process/run-process.ts';
import type { Show } from '../shows/show.ts';
import { RedisConnection } from '../store/redis-connection.ts';
import { RedisSeatStore } from '../store/redis-seat-store.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import type { ProvenBookings } from '../store/seat-store.ts';
import { keyPrefixOf } from '../store/venue-keys.ts';
import { buildBookingProcess } from './booking-process.ts';
import { configuredCheckout } from './configured-checkout.ts';
import { configuredShows } from './configured-shows.ts';
import { venueSettings } from './venue-settings.ts';

const folderOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

await runProcess('booking', loadBookingConfig, async (config, logger) => {
  const rules = venueSettings(config);
  const planReadAtMs = Date.now();
  const shows = configuredShows(rules, config.SHOWS_DIR ?? folderOf('shows'));
  const { REDIS_URL: url, REDIS_KEY_PREFIX: keyPrefix } = config;
  const connection = new RedisConnection({ url, keyPrefix, logger });
  const link = NatsLink.connect({ url: config.NATS_URL, name: `booking-${config.PORT}`, logger });
  const { DATABASE_URL: databaseUrl, DATABASE_OWNER_URL: ownerUrl } = config;
  const ledger =
    databaseUrl === undefined
      ? undefined
      : new PostgresLedger({ url: databaseUrl, ownerUrl, name: `booking-${config.PORT}`, logger });
  const checkout = await configuredCheckout(config, new RedisSandboxStore(connection, keyPrefix), logger);
  if (checkout && !ledger) throw new ConfigError('PAYMENT_PROVIDER needs a ledger: set DATABASE_URL too.');
  /** The default show has the plain keys and subjects. */
  const scopeOf = (show: Show) => (show === shows[0] ? undefined : show.id);
  const storeOf = (
    show: Show,
    rulesOfShow: HoldRules = rules,
    loggerOfShow: Logger = logger,
    provenBookings?: ProvenBookings,
  ) =>
    new RedisSeatStore({
      ...rulesOfShow,
      connection,
      keyPrefix: keyPrefixOf(keyPrefix, scopeOf(show)),
      name: show.id,
      plan: show.plan,
      planReadAtMs,
      provenBookings,
      hasLedger: ledger !== undefined,
      logger: loggerOfShow,
    });
  const { app, shows: onSale } = await buildBookingProcess({
    shows,
    rules,
    storeOf,
    ledger,
    checkout,
    hasOtherPlan: (show) => storeOf(show).hasOtherPlan(),
    busOf: (show) => new NatsEventBus(link, scopeOf(show)),
    closeConnections: async () => {
      await link.close(); // sends the events that are still in flight
      connection.close();
    },
    logger,
    access: accessOf(config, logger),
    publicDir: folderOf('public'),
    inspect: inspectOptions(config, {
      node: `booking-${config.PORT}`,
      pageDir: fileURLToPath(new URL('../inspect-page', import.meta.url)),
    }),
  });
  onSale.start();
  return app;
});
