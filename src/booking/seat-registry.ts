import type { Actor } from 'xstate';
import { seatMachine } from '../../machines/seat.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatDesk, type SeatDeskOptions } from './seat-desk.ts';

export interface SeatRegistryOptions extends Omit<SeatDeskOptions, 'seat' | 'machine'> {
  /** Tells the other processes of a transition that was committed here. Must not throw. */
  publish: (event: SeatEvent) => void;
}

/** An actor for every seat. Each is a root of its own: thousands under one parent would start and stop in quadratic time. */
export class SeatRegistry {
  readonly #options: SeatRegistryOptions;
  readonly #machine: typeof seatMachine;
  readonly #desks = new Map<string, SeatDesk>();

  /** Told when every actor has been replaced. */
  onHydrated: () => void = () => {};

  constructor(options: SeatRegistryOptions) {
    this.#options = options;
    this.#machine = seatMachine.provide({
      actions: {
        publish: ({ event }) => {
          if ('fact' in event && event.committedHere) options.publish(event.fact);
        },
        askToExpire: ({ context }) => {
          // Out of reach: the chart asks again.
          this.#desks
            .get(context.seat.id)
            ?.ask({ action: 'expire' })
            .catch(() => {});
        },
      },
    });
  }

  /** Replaces every actor by one that starts from what the store has. */
  hydrate(seats: Iterable<Seat>): void {
    this.stop();
    for (const seat of seats) {
      this.#desks.set(seat.id, new SeatDesk({ ...this.#options, seat, machine: this.#machine }));
    }
    this.onHydrated();
  }

  desk(seatId: string): SeatDesk | undefined {
    return this.#desks.get(seatId);
  }

  get actors(): Actor<typeof seatMachine>[] {
    return [...this.#desks.values()].map((desk) => desk.actor);
  }

  stop(): void {
    for (const desk of this.#desks.values()) desk.actor.stop();
    this.#desks.clear();
  }
}
