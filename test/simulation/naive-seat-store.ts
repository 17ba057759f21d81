import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { stateAfter } from '../../src/protocol/state-after.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { decide, eventOf, type Lock, lockAfter, overdue, type Transition } from '../../src/store/seat-rules.ts';
import {
  type Answer,
  type Decision,
  type History,
  type SeatCommand,
  type SeatStore,
  VenueLostError,
  type VenueSnapshot,
} from '../../src/store/seat-store.ts';
import { emptySeats } from '../../src/store/venue-layout.ts';
import type { StoreSettings } from './copyable-seat-store.ts';
import type { World } from './world.ts';

const epoch = 'e1';
/** A control: by the same rules as the real store, but reading, deciding and writing are three calls. */
export class NaiveSeatStore implements SeatStore {
  readonly #world: World;
  readonly #holdTtlMs: number;
  readonly #nowMs: () => number;
  readonly #seats: Map<string, Seat>;
  readonly #locks = new Map<string, Lock>();
  readonly #events: SeatEvent[] = [];
  #relayed: Position = { epoch, seq: 0 };

  constructor(world: World, settings: StoreSettings, nowMs: () => number) {
    this.#world = world;
    this.#holdTtlMs = settings.holdTtlMs;
    this.#nowMs = nowMs;
    this.#seats = new Map([...emptySeats(settings)].map((seat) => [seat.id, seat]));
  }

  async open(): Promise<VenueSnapshot> {
    return { system: 'naive', epoch, seq: this.#events.length, nowMs: this.#nowMs(), seats: [...this.#seats.values()] };
  }

  async decide(seatId: string, commands: readonly SeatCommand[]): Promise<Decision> {
    let seat = this.#seats.get(seatId) as Seat;
    let lock = this.#locks.get(seatId);
    await this.#roundTrip();
    const nowMs = this.#nowMs();
    const events: SeatEvent[] = [];
    const answers: Answer[] = [];
    const write = (transition: Transition | undefined) => {
      if (!transition) return;
      seat = this.#write(seat, transition, nowMs, events);
      lock = this.#locks.get(seatId);
    };
    write(overdue(seat, lock, nowMs));
    for (const command of commands) {
      const { refusal, transition } = decide(seat, lock, command, nowMs, () => undefined);
      write(transition);
      answers.push(refusal ? { seat, refusal } : { seat });
    }
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

  async close(): Promise<void> {}

  #roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#world.latencyMs(), resolve);
    });
  }

  #write(seat: Seat, transition: Transition, nowMs: number, events: SeatEvent[]): Seat {
    const holdTtlMs = this.#holdTtlMs;
    const event = eventOf(seat, transition, { nowMs, holdTtlMs, epoch, seq: this.#events.length + 1 });
    const lock = lockAfter(transition, nowMs, holdTtlMs);
    if (lock) this.#locks.set(seat.id, lock);
    else this.#locks.delete(seat.id);
    const after = { id: seat.id, row: seat.row, col: seat.col, ...stateAfter(event) };
    this.#seats.set(seat.id, after);
    this.#events.push(event);
    events.push(event);
    return after;
  }
}
