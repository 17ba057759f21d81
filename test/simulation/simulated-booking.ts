import { type Logger, pino } from 'pino';
import { BookingService } from '../../src/booking/booking-service.ts';
import type { BookingApi } from '../../src/edge/booking-client.ts';
import { BookingTimeoutError, BookingUnavailableError } from '../../src/edge/booking-errors.ts';
import type { EventsAfter } from '../../src/protocol/events.ts';
import type { Position, VenueState } from '../../src/protocol/venue.ts';
import type { UserCommand } from '../../src/store/seat-store.ts';
import type { StoreSettings } from './copyable-seat-store.ts';
import { Host } from './host.ts';
import type { Outcome } from './operation.ts';
import type { BusServer } from './simulated-bus.ts';
import { ConnectionError, RequestTimeoutError, type SimulatedHttp } from './simulated-http.ts';
import type { StoreConnection, StoreServer } from './simulated-store.ts';
import type { World } from './world.ts';

export const silentLogger: Logger = pino({ level: 'silent' });
/** As `src/edge/booking-client.ts` has them. */
const requestTimeoutMs = 2_800;
const rounds = 2;
const pauseBetweenRoundsMs = 100;

/** A booking process: the real service behind simulated connections. */
export class BookingProcess {
  readonly host: Host;
  readonly service: BookingService;
  readonly store: StoreConnection;
  readonly bus: ReturnType<BusServer['connect']>;
  readonly #settings: StoreSettings;

  constructor(world: World, name: string, settings: StoreSettings, store: StoreServer, bus: BusServer) {
    this.#settings = settings;
    this.host = new Host(world, name);
    this.store = store.connect(this.host);
    this.bus = bus.connect(this.host);
    this.service = new BookingService({
      store: this.store,
      bus: this.bus,
      logger: silentLogger,
      clock: this.host.clock,
      maxWaitingPerSeat: 20,
    });
    this.host.run(() => this.service.start());
  }

  /** As `src/booking/server.ts` ends a process: first the service, then its connections. */
  async close(): Promise<void> {
    await this.service.close();
    this.bus.close();
    this.store.close();
  }

  /** The reply of `src/booking/hold-routes.ts`, and of `seat-command-routes.ts` for one seat: all seats, or the reasons of the refusal. */
  command(command: UserCommand): Promise<Outcome> {
    return this.service
      .command(command)
      .then(({ seats, refusal, refused = [] }) =>
        refusal ? { refusal, seats: seats.filter(({ id }) => refused.includes(id)) } : { seats },
      );
  }

  /** The reply of `src/booking/venue-routes.ts` to `GET /api/venue`. */
  async venue(): Promise<VenueState> {
    const { service } = this;
    const confirmed = await this.isConfirmed();
    return {
      venue: 'main',
      ...service.view.position,
      server_time: Math.round(service.storeClock.nowMs()) / 1000,
      hold_seconds: this.#settings.holdTtlMs / 1000,
      max_holds: this.#settings.maxHoldsPerUser,
      rows: this.#settings.rows,
      cols: this.#settings.cols,
      ...(!confirmed && { stale: true as const }),
      seats: [...service.view.seats],
    };
  }

  /** `GET /api/events`. */
  async eventsAfter(position: Position): Promise<EventsAfter> {
    const { epoch, seq, nowMs, events } = await this.service.eventsAfter(position);
    return { epoch, seq, server_time: nowMs / 1000, ...(events && { events }) };
  }

  async isConfirmed(): Promise<boolean> {
    try {
      await this.service.confirm();
      return true;
    } catch (error) {
      if (!this.service.isOpen) throw error;
      return false;
    }
  }
}

/** An edge's client of the booking processes: tries the one that replied last, and the next one if that cannot be reached. */
export class SimulatedBookingClient implements Pick<BookingApi, 'venue' | 'eventsAfter'> {
  readonly #host: Host;
  readonly #http: SimulatedHttp;
  readonly #processes: () => readonly BookingProcess[];
  /** A page of the booking service has more events than a history. */
  readonly #pageEvents: number;
  #preferred = 0;

  constructor(
    host: Host,
    http: SimulatedHttp,
    processes: () => readonly BookingProcess[],
    pageEvents = Number.POSITIVE_INFINITY,
  ) {
    this.#pageEvents = pageEvents;
    this.#host = host;
    this.#http = http;
    this.#processes = processes;
  }

  venue(_show: string): Promise<VenueState> {
    return this.#ask((process) => process.venue());
  }

  async eventsAfter(_show: string, position: Position): Promise<EventsAfter> {
    const { events, ...rest } = await this.#ask((process) => process.eventsAfter(position));
    return { ...rest, ...(events && { events: events.slice(0, this.#pageEvents) }) };
  }

  async #ask<T>(handle: (process: BookingProcess) => Promise<T>): Promise<T> {
    const deadlineMs = this.#host.libraryClock.nowMs() + requestTimeoutMs;
    const first = this.#preferred;
    let failure: unknown;
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await this.#pause();
      const processes = this.#processes();
      const hangTimeoutMs = processes.length === 1 ? requestTimeoutMs : requestTimeoutMs * 0.35;
      for (let i = 0; i < processes.length; i++) {
        const remainingMs = deadlineMs - this.#host.libraryClock.nowMs();
        if (remainingMs < 10) throw new BookingTimeoutError('no answer in time', { cause: failure });
        const index = (first + i) % processes.length;
        const process = processes[index] as BookingProcess;
        try {
          const timeoutMs = Math.min(remainingMs, hangTimeoutMs);
          const answer = await this.#http.request(this.#host, process.host, timeoutMs, () => handle(process));
          this.#preferred = index;
          return answer;
        } catch (error) {
          failure = error;
          const isOfConnection = error instanceof ConnectionError || error instanceof RequestTimeoutError;
          // It has replied, with 503 or 504: no other process is tried.
          if (!isOfConnection) {
            this.#preferred = index;
            throw new BookingUnavailableError('refused', { cause: error });
          }
        }
      }
    }
    throw new BookingUnavailableError('no booking process answered', { cause: failure });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#host.libraryClock.setTimeout(resolve, pauseBetweenRoundsMs);
    });
  }
}
