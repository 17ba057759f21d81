import { type Actor, createActor, type StateValueFrom } from 'xstate';
import type { SeatInput, SeatMachineEvent, seatMachine } from '../../machines/seat.ts';
import type { Clock } from '../process/clock.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { remainingMs, type StoreClock } from '../venue/store-clock.ts';

/** Number of actors that start in one go: about 10 ms of work. */
const startedTogether = 250;

type SeatActor = Actor<typeof seatMachine>;

interface ShownSeat {
  seat: Seat;
  state: StateValueFrom<typeof seatMachine>;
}

/** The state that an actor shows, running or not. */
interface SeatSnapshot {
  status: 'active' | 'done' | 'error' | 'stopped';
  value: StateValueFrom<typeof seatMachine>;
  context: SeatInput;
}

/** The state in which the actor of a seat with this status starts. */
const firstState = {
  [SeatStatus.available]: 'available',
  [SeatStatus.held]: 'held',
  [SeatStatus.booked]: 'booked',
} as const;

export interface SeatActorsOptions {
  /** The machine with its actions provided. */
  machine: typeof seatMachine;
  storeClock: StoreClock;
  /** Runs the `after` timers. */
  clock: Clock;
  /** False: an actor starts when its seat is first held. An actor takes some 5 kB. */
  startsAll: boolean;
}

/** One actor per seat. Each is a root: starting and stopping thousands of children of one parent takes quadratic time. */
export class SeatActors {
  readonly #options: SeatActorsOptions;
  readonly #actors = new Map<string, SeatActor>();
  /** Seats whose actor has not started yet, as the store has them. */
  readonly #unstarted = new Map<string, Seat>();
  #startTimer: unknown;

  /** Called when every actor has been replaced. */
  onHydrated: () => void = () => {};

  constructor(options: SeatActorsOptions) {
    this.#options = options;
  }

  /** Replaces every actor by one that starts from the seat as the store has it. */
  hydrate(seats: Iterable<Seat>): void {
    this.stop();
    const all = [...seats];
    const isHeld = ({ status }: Seat) => status === SeatStatus.held;
    for (const seat of all) this.#unstarted.set(seat.id, seat);
    for (const seat of all.filter(isHeld)) this.#start(seat); // a hold must end in time, watched or not
    if (this.#options.startsAll) this.#startSome();
    this.onHydrated();
  }

  /** Moves the seat's actor by a committed transition; the actor publishes it if it was committed here. */
  apply(fact: SeatEvent, seat: Seat, committedHere: boolean): void {
    this.actor(seat.id)?.send(this.#committed(fact, seat, committedHere));
  }

  /** The request to end this hold came too early. `storeNowMs`: the store's time in its reply. */
  stillHeld({ id, expires_at }: Seat, storeNowMs: number): void {
    if (expires_at === undefined) return;
    this.actor(id)?.send({ type: 'STILL_HELD', holdRemainingMs: remainingMs(expires_at, storeNowMs) });
  }

  /** Starts the actor if necessary. Undefined if there is no such seat. */
  actor(seatId: string): SeatActor | undefined {
    const running = this.#actors.get(seatId);
    if (running) return running;
    const seat = this.#unstarted.get(seatId);
    return seat && this.#start(seat);
  }

  /** Undefined if the actor does not run. */
  started(seatId: string): SeatActor | undefined {
    return this.#actors.get(seatId);
  }

  /** The state in which an actor that does not run will start; it is not started. Undefined if there is no such seat. */
  snapshot(seatId: string): SeatSnapshot | undefined {
    const seat = this.#unstarted.get(seatId);
    if (seat) return { status: 'active', value: firstState[seat.status], context: this.#input(seat) };
    return this.#actors.get(seatId)?.getSnapshot();
  }

  /** Number of running actors. */
  get running(): number {
    return this.#actors.size;
  }

  /** The running actors in the order of their start. */
  get actors(): SeatActor[] {
    return [...this.#actors.values()];
  }

  /** The state of every seat's actor. For an actor that has not started, the state in which it will start; it is not started. */
  *shown(): Generator<ShownSeat> {
    for (const actor of this.#actors.values()) {
      const { value, context } = actor.getSnapshot();
      yield { seat: context.seat, state: value };
    }
    for (const seat of this.#unstarted.values()) yield { seat, state: firstState[seat.status] };
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#startTimer);
    for (const actor of this.#actors.values()) actor.stop();
    this.#actors.clear();
    this.#unstarted.clear();
  }

  /** In the background and in parts, so that the process replies meanwhile: many shows may open at once. */
  #startSome(): void {
    let started = 0;
    for (const seat of this.#unstarted.values()) {
      if (started++ === startedTogether) {
        this.#startTimer = this.#options.clock.setTimeout(() => this.#startSome(), 0);
        return;
      }
      this.#start(seat);
    }
  }

  #start(seat: Seat): SeatActor {
    const { machine, clock } = this.#options;
    const actor = createActor(machine, { id: `seat-${seat.id}`, input: this.#input(seat), clock });
    this.#unstarted.delete(seat.id);
    this.#actors.set(seat.id, actor);
    return actor.start();
  }

  #input(seat: Seat): SeatInput {
    return { seat, holdRemainingMs: this.#options.storeClock.remainingMs(seat.expires_at) };
  }

  #committed(fact: SeatEvent, seat: Seat, committedHere: boolean): SeatMachineEvent {
    switch (fact.type) {
      case 'held': {
        const holdRemainingMs = this.#options.storeClock.remainingMs(seat.expires_at);
        return { type: 'HELD', fact, seat, committedHere, holdRemainingMs };
      }
      case 'released':
        return { type: 'RELEASED', fact, seat, committedHere };
      case 'booked':
        return { type: 'BOOKED', fact, seat, committedHere };
    }
  }
}
