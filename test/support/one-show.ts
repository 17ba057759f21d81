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
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type { SeatLog, SeatStore } from '../../src/store/seat-store.ts';
import { silent } from './silent.ts';

interface OneShowOptions
  extends Pick<BookingProcessOptions, 'access' | 'closeConnections' | 'publicDir' | 'isReady' | 'inspect'> {
  venue: VenueSettings & HoldRules;
  /** Default: in memory, as `bus`. */
  store?: SeatStore;
  bus?: EventBus;
  logger?: BookingProcessOptions['logger'];
}

export type OneShow = BookingProcess & { service: BookingService };

/** A booking process that sells only the default show. It is not started. */
export async function oneShow({ venue, store, bus, ...rest }: OneShowOptions): Promise<OneShow> {
  const { name, rows, cols, ...rules } = venue;
  const process = await buildBookingProcess({
    shows: [defaultShow({ rows, cols }, name)],
    rules,
    storeOf: ({ plan }, ofShow) => (store as SeatStore & SeatLog) ?? new MemorySeatStore({ ...ofShow, plan }), // without a ledger nothing reads the log
    busOf: () => bus ?? new MemoryEventBus(new MemoryBusLine()),
    logger: silent,
    ...rest,
  });
  return { ...process, service: process.shows.default.service };
}
