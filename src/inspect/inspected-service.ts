import type { Actor } from 'xstate';
import type { seatMachine } from '../../machines/seat.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import type { History, SeatCommand } from '../store/seat-store.ts';
import type { RecentEvents } from '../venue/recent-events.ts';
import type { StoreClock } from '../venue/store-clock.ts';
import type { VenueView } from '../venue/venue-view.ts';

type SeatActor = Actor<typeof seatMachine>;

/** Observes requests to the store and its replies. Must not throw. */
export interface DecisionWatcher {
  requested(commands: readonly SeatCommand[]): void;
  replied(commands: readonly SeatCommand[], hasDecided: boolean): void;
}

/** The part of a booking service that the inspector reads. */
export interface InspectedService {
  readonly isOpen: boolean;
  readonly view: VenueView;
  readonly recent: RecentEvents;
  readonly storeClock: Pick<StoreClock, 'nowMs'>;
  readonly seatActors: {
    /** The state of every seat's actor. */
    shown(): Iterable<{ seat: Seat; state: string }>;
    actor(seatId: string): SeatActor | undefined;
    /** Called after all actors have been replaced. */
    onHydrated: () => void;
  };
  /** Set while there are viewers. */
  watcher: DecisionWatcher | undefined;
  hasSeat(seatId: string): boolean;
  /** Commands on a seat for which the store has not replied yet. */
  commandsUnderWay(seatId: string): readonly SeatCommand[] | undefined;
  confirm(): Promise<void>;
  eventsAfter(position: Position, limit?: number): Promise<History>;
}
