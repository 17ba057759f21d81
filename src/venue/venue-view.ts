import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import { stateAfter } from '../protocol/state-after.ts';
import type { Position } from '../protocol/venue.ts';
import { seatWith } from './seat-with.ts';

/** Maximum number of early events that wait: beyond it, a new snapshot is cheaper than the missing events. */
const maxEventsAhead = 4096;

/** `committedHere`: this process requested the transition from the store. */
type OnApplied = (event: SeatEvent, seat: Seat, committedHere: boolean) => void;

/**
 * The venue according to the known events. Events apply strictly in the order of `seq`: an early event waits for the
 * missing ones, and a repeated one changes nothing. So (epoch, seq) identifies the state of a view.
 */
export class VenueView {
  readonly #seats = new Map<string, Seat>();
  readonly #ahead = new Map<number, { event: SeatEvent; committedHere: boolean }>();
  readonly #onApplied: OnApplied;
  #epoch = '';
  #seq = 0;

  /** `onApplied` is called once for each event that moves the view, in order, with the seat after it. */
  constructor(onApplied: OnApplied = () => {}) {
    this.#onApplied = onApplied;
  }

  get position(): Position {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  get epoch(): string {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  /** In row-major order. */
  get seats(): Iterable<Seat> {
    return this.#seats.values();
  }

  seat(id: string): Seat | undefined {
    return this.#seats.get(id);
  }

  /** The seats that a user holds. */
  holdsOf(userId: string): Seat[] {
    return [...this.seats].filter(({ held_by, status }) => held_by === userId && status === SeatStatus.held);
  }

  /** True while an event waits here because one before it is missing. */
  get hasGap(): boolean {
    return this.#ahead.size > 0;
  }

  /** Starts over from a snapshot; never goes back within an epoch. Returns false if the snapshot is older than the view. */
  reset(snapshot: Position & { seats: readonly Seat[] }): boolean {
    if (snapshot.epoch === this.#epoch && snapshot.seq < this.#seq) return false;
    if (snapshot.epoch !== this.#epoch) this.#ahead.clear();
    this.#epoch = snapshot.epoch;
    this.#seq = snapshot.seq;
    this.#seats.clear();
    for (const seat of snapshot.seats) this.#seats.set(seat.id, seat);
    for (const seq of this.#ahead.keys()) if (seq <= this.#seq) this.#ahead.delete(seq);
    this.#applyWaiting();
    return true;
  }

  /**
   * `applied`: the view moved, perhaps by more than this event. `repeated`: it was known. `ahead`: it waits for
   * missing events. `foreign`: it belongs to another epoch, so the venue must be read again.
   */
  apply(event: SeatEvent, committedHere = false): 'applied' | 'repeated' | 'ahead' | 'other epoch' {
    if (event.epoch !== this.#epoch) return 'other epoch';
    if (event.seq <= this.#seq) return 'repeated';
    if (event.seq > this.#seq + 1) {
      const isNew = !this.#ahead.has(event.seq);
      if (isNew && this.#ahead.size < maxEventsAhead) this.#ahead.set(event.seq, { event, committedHere });
      return 'ahead';
    }
    this.#moveTo(event, committedHere);
    this.#applyWaiting();
    return 'applied';
  }

  #applyWaiting(): void {
    for (let next = this.#ahead.get(this.#seq + 1); next; next = this.#ahead.get(this.#seq + 1)) {
      this.#ahead.delete(next.event.seq);
      this.#moveTo(next.event, next.committedHere);
    }
  }

  #moveTo(event: SeatEvent, committedHere: boolean): void {
    this.#seq = event.seq;
    const before = this.#seats.get(event.seat_id);
    if (!before) return; // another process is configured with a larger venue
    const after = seatWith(before, stateAfter(event));
    this.#seats.set(event.seat_id, after);
    this.#onApplied(event, after, committedHere);
  }
}
