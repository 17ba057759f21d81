import { Registry } from 'prom-client';
import type { TestContext } from 'vitest';
import { givenVenue } from '../../bench/venue/given-venue.ts';
import type { VenueUnderLoad } from '../../bench/venue/venue-under-load.ts';
import { buildBookingProcess } from '../../src/booking/booking-process.ts';
import type { ShowsOnSale } from '../../src/booking/shows-on-sale.ts';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { Edge } from '../../src/edge/edge.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { httpUrl } from '../../src/launch/http-url.ts';
import { freePort, loopback } from '../../src/launch/ports.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { testAccess } from '../integration/booking-fixture.ts';
import { silent } from '../support/silent.ts';

const rules = { holdTtlMs: 300, maxExtensions: 10, maxHoldsPerUser: 6 };
const grid = defaultShow({ rows: 10, cols: 10 });

export interface SmallSystem {
  shows: ShowsOnSale;
  /** The system as `--url` and `--show` give it to the load tool. */
  venue(show?: string): Promise<VenueUnderLoad>;
}

/** A booking process and an edge in this process, in memory: the default show, and the same hall again as the show `other`. */
export async function startSmallSystem(
  onTestFinished: TestContext['onTestFinished'],
  Store = MemorySeatStore,
): Promise<SmallSystem> {
  const list: Show[] = [grid, { ...grid, id: 'other' }];
  const port = await freePort();
  const url = httpUrl(loopback, port);
  const line = new MemoryBusLine();
  const { app, shows } = await buildBookingProcess({
    shows: list,
    rules,
    storeOf: ({ plan }, rulesOfShow) => new Store({ ...rulesOfShow, plan, keepEvents: Number.MAX_SAFE_INTEGER }),
    busOf: ({ id }) => new MemoryEventBus(line, id === grid.id ? undefined : id),
    access: testAccess(),
    logger: silent,
  });
  const booking = new BookingClient({ urls: [url] });
  const edge = new Edge({
    busOf: (show) => new MemoryEventBus(line, show),
    booking,
    defaultShow: grid.id,
    logger: silent,
    registry: new Registry(),
  });
  edge.start(app.server);
  shows.start();
  await app.listen({ host: loopback, port });
  await edge.ready;
  onTestFinished(async () => {
    await edge.drain();
    await app.close();
    await booking.close();
  });
  return { shows, venue: (show) => givenVenue({ url, edgeUrls: [], redisUrl: undefined, show }) };
}
