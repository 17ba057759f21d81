import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { NatsEventBus } from '../events/nats-event-bus.ts';
import { NatsLink } from '../events/nats-link.ts';
import { accessOf } from '../identity/access.ts';
import { inspectOptions } from '../inspect/routes.ts';
import { PostgresLedger } from '../ledger/postgres-ledger.ts';
import { RedisSandboxStore } from '../orders/sandbox/redis-sandbox-store.ts';
import { commaList, loadBookingConfig } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { runProcess } from '../process/run-process.ts';
import type { Show } from '../shows/show.ts';
import { registerProblemsRoute } from '../status/problems-route.ts';
import { registerStatusRoute } from '../status/status-route.ts';
import { redisPlace } from '../store/redis-place.ts';
import { RedisSeatStore } from '../store/redis-seat-store.ts';
import { connectRedis } from '../store/redis-servers.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import type { ProvenBookings } from '../store/seat-store.ts';
import { keyPrefixOf } from '../store/venue-keys.ts';
import { buildBookingProcess } from './booking-process.ts';
import { configuredCheckout } from './configured-checkout.ts';
import { configuredShows } from './configured-shows.ts';
import { configuredRules, venueSettings } from './venue-settings.ts';

const folderOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

await runProcess('booking', loadBookingConfig, async (config, logger, problems) => {
  const rules = configuredRules(config);
  const planReadAtMs = Date.now();
  const shows = configuredShows(venueSettings(config), config.SHOWS_DIR ?? folderOf('shows'));
  const { REDIS_KEY_PREFIX: keyPrefix } = config;
  let unreplicatedCount = 0;
  const servers = connectRedis({ place: redisPlace(config), logger, onUnreplicated: () => unreplicatedCount++ });
  const { NATS_URL: url, NATS_STREAM_REPLICAS: streamReplicas } = config;
  const link = NatsLink.connect({ url, name: `booking-${config.PORT}`, logger, streamReplicas });
  const { DATABASE_URL: databaseUrl, DATABASE_OWNER_URL: ownerUrl } = config;
  const ledger =
    databaseUrl === undefined
      ? undefined
      : new PostgresLedger({ url: databaseUrl, ownerUrl, name: `booking-${config.PORT}`, logger });
  const checkout = await configuredCheckout(config, new RedisSandboxStore(servers, keyPrefix), logger);
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
      servers,
      keyPrefix: keyPrefixOf(keyPrefix, servers.isCluster ? show.id : scopeOf(show)),
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
    unreplicated: () => unreplicatedCount,
    ledger,
    checkout,
    hasOtherPlan: (show) => storeOf(show).hasOtherPlan(),
    busOf: (show) => new NatsEventBus(link, scopeOf(show)),
    closeConnections: async () => {
      await link.close(); // sends the events that are still in flight
      servers.close();
    },
    logger,
    access: accessOf(config, logger),
    publicDir: folderOf('public'),
    inspect: inspectOptions(config, {
      node: `booking-${config.PORT}`,
      pageDir: fileURLToPath(new URL('../inspect-page', import.meta.url)),
    }),
  });
  registerProblemsRoute(app, problems);
  registerStatusRoute(app, config.STATUS_PEERS ? commaList(config.STATUS_PEERS) : [`http://127.0.0.1:${config.PORT}`]);
  onSale.start();
  return app;
});
