import { NatsEventBus } from '../../src/events/nats-event-bus.ts';
import { NatsLink } from '../../src/events/nats-link.ts';
import type { Show } from '../../src/shows/show.ts';
import { redisPlace } from '../../src/store/redis-place.ts';
import { RedisSeatStore, type RedisSeatStoreOptions } from '../../src/store/redis-seat-store.ts';
import { connectRedis } from '../../src/store/redis-servers.ts';
import { keyPrefixOf } from '../../src/store/venue-keys.ts';
import type { TestServer } from '../support/servers.ts';
import { type SeveralShows, type SeveralShowsOptions, severalShows } from '../support/several-shows.ts';
import { silent } from '../support/silent.ts';

interface RealShowsOptions extends SeveralShowsOptions {
  redis: TestServer;
  nats: TestServer;
  store?: Partial<Pick<RedisSeatStoreOptions, 'keepEvents' | 'planReadAtMs'>>;
}

/** A booking process with several shows on real servers, assembled as in `src/booking/server.ts`. */
export function realShows({ redis, nats, store, ...options }: RealShowsOptions): Promise<SeveralShows> {
  const servers = connectRedis({ place: redisPlace({ REDIS_URL: redis.url }), logger: silent });
  const link = NatsLink.connect({ url: nats.url, name: 'test', logger: silent });
  const scopeOf = (show: Show) => (show === options.shows[0] ? undefined : show.id);
  return severalShows({
    storeOf: (show, rules) =>
      new RedisSeatStore({
        ...rules,
        servers,
        keyPrefix: keyPrefixOf('', scopeOf(show)),
        name: show.id,
        plan: show.plan,
        logger: silent,
        ...store,
      }),
    busOf: (show) => new NatsEventBus(link, scopeOf(show)),
    closeConnections: async () => {
      await link.close();
      servers.close();
    },
    ...options,
  });
}
