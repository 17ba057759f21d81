import type { Actor } from 'xstate';
import type { SeatInput, seatMachine } from '../../machines/seat.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import type { Show } from '../shows/show.ts';
import type { History, SeatCommand } from '../store/seat-store.ts';
import type { RecentEvents } from '../venue/recent-events.ts';
import type { StoreClock } from '../venue/store-clock.ts';
import type { VenueView } from '../venue/venue-view.ts';

type SeatActor = Actor<typeof seatMachine>;

/** Observes requests to the store and its replies, and transitions. Must not throw. */
export interface ServiceWatcher {
  requested(commands: readonly SeatCommand[]): void;
  replied(commands: readonly SeatCommand[], hasDecided: boolean): void;
  /** Called before the seat's actor gets a transition. */
  changing(seatId: string): void;
}

/** The part of a booking service that the inspector reads. */
export interface InspectedService {
  readonly isOpen: boolean;
  readonly view: VenueView;
  readonly recent: RecentEvents;
  readonly storeClock: Pick<StoreClock, 'serverTime'>;
  readonly seatActors: {
    /** The state of every seat's actor. */
    shown(): Iterable<{ seat: Seat; state: string }>;
    /** Starts the actor if necessary. */
    actor(seatId: string): SeatActor | undefined;
    /** Undefined if the actor does not run. */
    started(seatId: string): SeatActor | undefined;
    /** The state in which an actor that does not run will start; it is not started. */
    snapshot(
      seatId: string,
    ): { status: ReturnType<SeatActor['getSnapshot']>['status']; value: string; context: SeatInput } | undefined;
    /** Called after all actors have been replaced. */
    onHydrated: () => void;
  };
  /** Set while there are viewers. */
  watcher: ServiceWatcher | undefined;
  /** Commands on a seat for which the store has not replied yet. */
  commandsUnderWay(seatId: string): readonly SeatCommand[] | undefined;
  confirm(): Promise<void>;
  eventsAfter(position: Position, limit?: number): Promise<History>;
}

/** The shows of a booking process. */
export interface InspectedShows {
  /** The default show first. */
  readonly list: readonly Show[];
  /** Without an id: the default show. Opens the show if necessary. Throws a `RefusedError` UNKNOWN_SHOW. */
  get(id: string | undefined): { readonly show: Show; readonly service: InspectedService };
}
