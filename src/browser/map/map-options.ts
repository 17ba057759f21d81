import type { Seat } from '../../protocol/seat.ts';
import type { SeatingPlan } from '../../shows/seating-plan.ts';
import type { SeatWords } from './seat-words.ts';

export interface MapCategory {
  readonly name: string;
  /** #rrggbb */
  readonly colour: string;
  /** By ticket type, in minor units of the currency. Empty: the show is free. */
  readonly prices: ReadonlyMap<string, number>;
}

/** A hold of the user. */
export interface MapHold {
  readonly seat: Seat;
  readonly remainingMs: number;
}

/** The map knows a plan, the states of its seats and its callbacks, but nothing about the page or the server. */
export interface MapOptions {
  readonly root: HTMLElement;
  readonly plan: SeatingPlan;
  readonly words: SeatWords;
  readonly categories: ReadonlyMap<string, MapCategory>;
  readonly formatPrice: (amount: number) => string;
  /** Short name for narrow places. */
  readonly formatShortPrice: (amount: number) => string;
  /** undefined until its state is known. */
  readonly seat: (id: string) => Seat | undefined;
  readonly isPending: (id: string) => boolean;
  readonly onPick: (id: string) => void;
  readonly onRelease: (id: string) => void;
}
