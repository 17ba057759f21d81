import type { Actor } from 'xstate';
import type { seatMachine } from '../../machines/seat.ts';
import type { Seat } from '../protocol/seat.ts';
import type { Position } from '../protocol/venue.ts';
import type { History, SeatCommand } from '../store/seat-store.ts';
import type { RecentEvents } from '../venue/recent-events.ts';
import type { StoreClock } from '../venue/store-clock.ts';
import type { VenueView } from '../venue/venue-view.ts';

type SeatActor = Actor<typeof seatMachine>;

/** Sees what the store is asked about a seat, and whether it replied. Must not throw. */
export interface DecisionWatcher {
  asked(seatId: string, commands: readonly SeatCommand[]): void;
  replied(seatId: string, hasDecided: boolean): void;
}

/** The part of a booking service that the inspector reads. */
export interface InspectedService {
  readonly isOpen: boolean;
  readonly view: VenueView;
  readonly recent: RecentEvents;
  readonly storeClock: Pick<StoreClock, 'nowMs'>;
  readonly seatActors: {
    /** What every seat's actor shows. */
    shown(): Iterable<{ seat: Seat; state: string }>;
    actor(seatId: string): SeatActor | undefined;
    /** Called when every actor has been replaced. */
    onHydrated: () => void;
  };
  /** Set while somebody watches. */
  watcher: DecisionWatcher | undefined;
  hasSeat(seatId: string): boolean;
  /** The commands on a seat that the store is deciding now. */
  commandsUnderWay(seatId: string): readonly SeatCommand[] | undefined;
  confirm(): Promise<void>;
  eventsAfter(position: Position, limit?: number): Promise<History>;
}
