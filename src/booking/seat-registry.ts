import type { Actor } from 'xstate';
import { seatMachine } from '../../machines/seat.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { SeatDesk, type SeatDeskOptions } from './seat-desk.ts';

/** Some 10 ms of work. */
const startedTogether = 250;

export interface SeatRegistryOptions extends Omit<SeatDeskOptions, 'machine'> {
  /** Tells the other processes of a transition that was committed here. Must not throw. */
  publish: (event: SeatEvent) => void;
}

/** An actor for every seat. Each is a root of its own: thousands under one parent would start and stop in quadratic time. */
export class SeatRegistry {
  readonly #options: SeatRegistryOptions;
  readonly #deskOptions: SeatDeskOptions;
  #startTimer: unknown;
  readonly #desks = new Map<string, SeatDesk>();

  /** Told when every actor has been replaced. */
  onHydrated: () => void = () => {};

  constructor(options: SeatRegistryOptions) {
    this.#options = options;
    const machine = seatMachine.provide({
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
    this.#deskOptions = { ...options, machine };
  }

  /** Replaces every actor by one that starts from what the store has. */
  hydrate(seats: Iterable<Seat>): void {
    this.stop();
    const held: SeatDesk[] = [];
    const others: SeatDesk[] = [];
    for (const seat of seats) {
      const desk = new SeatDesk(seat, this.#deskOptions);
      this.#desks.set(seat.id, desk);
      (seat.status === SeatStatus.held ? held : others).push(desk);
    }
    this.#start([...held, ...others], 0);
    this.onHydrated();
  }

  /** A large venue's are started some at a time, so that the process answers meanwhile; what needs one sooner starts it. */
  #start(desks: readonly SeatDesk[], from: number): void {
    const until = Math.min(from + startedTogether, desks.length);
    for (let i = from; i < until; i++) void desks[i]?.actor;
    if (until < desks.length) this.#startTimer = this.#options.clock.setTimeout(() => this.#start(desks, until), 0);
  }

  desk(seatId: string): SeatDesk | undefined {
    return this.#desks.get(seatId);
  }

  /** How many actors run. */
  get running(): number {
    let running = 0;
    for (const desk of this.#desks.values()) if (desk.isRunning) running++;
    return running;
  }

  /** Of every seat: those that do not run yet are started. */
  get actors(): Actor<typeof seatMachine>[] {
    return [...this.#desks.values()].map((desk) => desk.actor);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#startTimer);
    for (const desk of this.#desks.values()) desk.stop();
    this.#desks.clear();
  }
}
