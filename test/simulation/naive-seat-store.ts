import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { stateAfter } from '../../src/protocol/state-after.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import {
  decide,
  eventOf,
  isLocked,
  type Lock,
  lockAfter,
  overdue,
  type Transition,
} from '../../src/store/seat-rules.ts';
import {
  type Answer,
  type Decision,
  type History,
  isOrderCommand,
  type SeatCommand,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from '../../src/store/seat-store.ts';
import type { StoreSettings } from './copyable-seat-store.ts';
import type { World } from './world.ts';

const epoch = 'e1';
/** A control: by the same rules as the real store, but reading, deciding and writing are three calls. */
export class NaiveSeatStore implements SeatStore {
  readonly #world: World;
  readonly #rules: StoreSettings;
  readonly #nowMs: () => number;
  readonly #seats: Map<string, Seat>;
  readonly #locks = new Map<string, Lock>();
  readonly #extensions = new Map<string, number>();
  readonly #events: SeatEvent[] = [];
  #relayed: Position = { epoch, seq: 0 };

  constructor(world: World, settings: StoreSettings, nowMs: () => number) {
    this.#world = world;
    this.#rules = settings;
    this.#nowMs = nowMs;
    this.#seats = new Map([...emptySeats(gridPlan(settings))].map((seat) => [seat.id, seat]));
  }

  async open(): Promise<VenueSnapshot> {
    return { system: 'naive', epoch, seq: this.#events.length, nowMs: this.#nowMs(), seats: [...this.#seats.values()] };
  }

  async decide(commands: readonly SeatCommand[]): Promise<Decision> {
    const [seats, locks, extensions] = [new Map(this.#seats), new Map(this.#locks), new Map(this.#extensions)];
    await this.#roundTrip();
    const nowMs = this.#nowMs();
    const events: SeatEvent[] = [];
    const seatsOf = ({ seatIds }: SeatCommand) => seatIds.map((id) => seats.get(id) as Seat);
    const write = (seat: Seat, transition: Transition | undefined) => {
      if (!transition) return;
      seats.set(seat.id, this.#write(seat, transition, nowMs, events));
      const lock = this.#locks.get(seat.id);
      if (lock) locks.set(seat.id, lock);
      else locks.delete(seat.id);
      extensions.set(seat.id, this.#extensions.get(seat.id) ?? 0);
    };
    const isHold = (lock: Lock, userId: string) =>
      lock.userId === userId && lock.expiresAtMs !== undefined && isLocked(lock, nowMs);
    const answers = commands.map((command): Answer => {
      for (const seat of seatsOf(command)) write(seat, overdue(seat, locks.get(seat.id), nowMs));
      if (command.action === 'expire' || isOrderCommand(command)) return { seats: seatsOf(command) };
      const { userId } = command;
      const named = seatsOf(command).map((seat) => ({
        seat,
        lock: locks.get(seat.id),
        extensions: extensions.get(seat.id) ?? 0,
        isCooling: false,
      }));
      const otherHolds = [...locks.values()].filter((lock) => isHold(lock, userId)).length;
      const verdict = decide(command, named, { ...this.#rules, nowMs, otherHolds });
      if ('refusal' in verdict) return { seats: seatsOf(command), ...verdict };
      for (const seat of seatsOf(command)) write(seat, verdict.transitions.get(seat.id));
      return { seats: seatsOf(command) };
    });
    return { nowMs, answers, events };
  }

  async eventsAfter({ seq, ...position }: Position, limit: number): Promise<History> {
    if (position.epoch !== epoch) throw new VenueLostError('not the venue known');
    const events = this.#events.slice(seq, seq + limit);
    return { epoch, seq: this.#events.length, nowMs: this.#nowMs(), events };
  }

  async relayedPosition(): Promise<Position> {
    return this.#relayed;
  }

  async markRelayed(position: Position): Promise<void> {
    this.#relayed = position;
  }

  async audit(): Promise<void> {}

  async checkWritable(): Promise<void> {}

  #roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#world.latencyMs(), resolve);
    });
  }

  #write(seat: Seat, transition: Transition, nowMs: number, events: SeatEvent[]): Seat {
    const event = eventOf(seat, transition, { nowMs, epoch, seq: this.#events.length + 1 });
    const lock = lockAfter(transition);
    if (lock) this.#locks.set(seat.id, lock);
    else this.#locks.delete(seat.id);
    if (transition.reason === 'extended') this.#extensions.set(seat.id, (this.#extensions.get(seat.id) ?? 0) + 1);
    else this.#extensions.delete(seat.id);
    const after = { id: seat.id, row: seat.row, col: seat.col, ...stateAfter(event) };
    this.#seats.set(seat.id, after);
    this.#events.push(event);
    events.push(event);
    return after;
  }
}
