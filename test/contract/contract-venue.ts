import { vi } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import type { GridSize } from '../../src/shows/default-show.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type { ProvenBookings, SeatLog, SeatStore } from '../../src/store/seat-store.ts';
import { decideOn, type OneSeatCommand } from '../support/decide-on.ts';

interface StoreSettings extends GridSize, HoldRules {
  keepEvents?: number;
  hasLedger?: boolean;
  provenBookings?: ProvenBookings;
}

/** One empty place for a venue, and any number of stores that work on it. */
export interface StorePlace {
  store(settings: StoreSettings): SeatStore & SeatLog;
  /** Moves the time of holds forward without waiting. */
  pass(ms: number): Promise<void>;
}

export const holdTtlMs = 30_000;
export const settings: StoreSettings = { rows: 2, cols: 3, holdTtlMs, maxHoldsPerUser: 100 };

export const select = (userId: string): OneSeatCommand => ({ action: 'select', userId });
export const book = (userId: string): OneSeatCommand => ({ action: 'book', userId });
export const release = (userId: string): OneSeatCommand => ({ action: 'release', userId });
export const expire: OneSeatCommand = { action: 'expire' };

/** Retries until the store has its connection. */
export const opened = (store: SeatStore) => vi.waitFor(() => store.open(), { timeout: 10_000, interval: 20 });

export const brief = ({ type, user_id, reason }: SeatEvent) => [type, user_id, ...(reason ? [reason] : [])].join(' ');

export type OpenVenue = ReturnType<typeof contractVenues>['openVenue'];

/** Open venues of a contract suite. */
export function contractVenues(newPlace: () => StorePlace) {
  /** An open venue, and a caller that knows the position of its last decision. */
  async function openVenue(overrides: Partial<StoreSettings> = {}) {
    const place = newPlace();
    const store = place.store({ ...settings, ...overrides });
    const { epoch, seq } = await opened(store);
    let known: Position = { epoch, seq };
    const decide = async (seatId: string, ...commands: OneSeatCommand[]) => {
      const decision = await decideOn(store, seatId, commands, known);
      known = { epoch, seq: decision.events.at(-1)?.seq ?? known.seq };
      return decision;
    };
    return {
      place,
      store,
      epoch,
      decide,
      known: () => known,
      /** The result of a single command on A1. */
      decideOne: async (command: OneSeatCommand) => {
        const { answers, events } = await decide('A1', command);
        return { ...answers[0], events: events.map(brief) };
      },
    };
  }

  return { openVenue };
}
