import {
  type BookingProcess,
  type BookingProcessOptions,
  buildBookingProcess,
} from '../../src/booking/booking-process.ts';
import type { BookingService } from '../../src/booking/booking-service.ts';
import type { VenueSettings } from '../../src/booking/venue-settings.ts';
import type { EventBus } from '../../src/events/event-bus.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { defaultShow } from '../../src/shows/default-show.ts';
import type { Show } from '../../src/shows/show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { SeatStore } from '../../src/store/seat-store.ts';
import { silent } from './silent.ts';

interface OneShowOptions
  extends Pick<BookingProcessOptions, 'access' | 'closeConnections' | 'publicDir' | 'isReady' | 'inspect'> {
  venue: VenueSettings;
  /** Shows besides the default one, in memory. */
  others?: readonly Show[];
  /** Default: in memory, as `bus`. */
  store?: SeatStore;
  bus?: EventBus;
  logger?: BookingProcessOptions['logger'];
}

export type OneShow = BookingProcess & { service: BookingService };

/** A booking process that sells the default show, and perhaps others. It is not started. */
export async function oneShow({ venue, others = [], store, bus, ...rest }: OneShowOptions): Promise<OneShow> {
  const process = await buildBookingProcess({
    shows: [defaultShow(venue, venue.name), ...others],
    rules: venue,
    storeOf: ({ id, plan }, rules) =>
      (id === venue.name ? store : undefined) ?? new MemorySeatStore({ ...rules, plan }),
    busOf: () => bus ?? new MemoryEventBus(new MemoryBusLine()),
    logger: silent,
    ...rest,
  });
  return { ...process, service: process.shows.default.service };
}
