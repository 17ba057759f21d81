import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { seatAfter } from '../protocol/seat-after.ts';
import type { Position } from '../protocol/venue.ts';

/** A venue that many events ahead of us is read anew rather than waited for. */
const maxEventsAhead = 4096;

/**
 * The venue as far as its events are known, moved on strictly in the order of `seq`: an event that comes early waits
 * here until those before it have come, a repeated one changes nothing. So (epoch, seq) says all about a view.
 */
export class VenueView {
  readonly #seats = new Map<string, Seat>();
  readonly #ahead = new Map<number, SeatEvent>();
  readonly #onApplied: (event: SeatEvent, seat: Seat) => void;
  #epoch = '';
  #seq = 0;

  /** `onApplied` is told of every event that moved the view, in order, with the seat as it then is. */
  constructor(onApplied: (event: SeatEvent, seat: Seat) => void = () => {}) {
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

  /** True while an event is here that cannot be applied, because one before it is missing. */
  get hasGap(): boolean {
    return this.#ahead.size > 0;
  }

  /** Starts over from a snapshot; never goes back within an epoch. Returns false where the snapshot is older than the view. */
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
   * what is missing. `foreign`: it is of another epoch, so the venue has to be read anew.
   */
  apply(event: SeatEvent): 'applied' | 'repeated' | 'ahead' | 'foreign' {
    if (event.epoch !== this.#epoch) return 'foreign';
    if (event.seq <= this.#seq) return 'repeated';
    if (event.seq > this.#seq + 1) {
      if (this.#ahead.size < maxEventsAhead) this.#ahead.set(event.seq, event);
      return 'ahead';
    }
    this.#moveTo(event);
    this.#applyWaiting();
    return 'applied';
  }

  #applyWaiting(): void {
    for (let next = this.#ahead.get(this.#seq + 1); next; next = this.#ahead.get(this.#seq + 1)) {
      this.#ahead.delete(next.seq);
      this.#moveTo(next);
    }
  }

  #moveTo(event: SeatEvent): void {
    this.#seq = event.seq;
    const seat = this.#seats.get(event.seat_id);
    if (!seat) return; // a seat that this process's configuration has not: another venue size elsewhere
    const after = seatAfter(seat, event);
    this.#seats.set(event.seat_id, after);
    this.#onApplied(event, after);
  }
}
