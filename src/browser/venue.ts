import type { SeatUpdate } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position, VenueState } from '../protocol/venue.ts';

export type SeatListener = (after: Seat, before: Seat | undefined) => void;

/** The venue as this page knows it. Within an epoch no seat ever goes back to an older state. */
export class Venue {
  readonly #seats = new Map<string, Seat>();
  readonly #onSeat: SeatListener;
  #epoch: string | undefined;
  #seq = 0;
  #catchUpSeq: number | undefined;
  #rows = 0;
  #cols = 0;
  #holdSeconds = 0;
  #maxHolds = 0;
  #stale = false;
  #counts = { available: 0, held: 0, booked: 0 };

  /** `onSeat` is told of every seat that changed. */
  constructor(onSeat: SeatListener = () => {}) {
    this.#onSeat = onSeat;
  }

  /** Where to resume from. A stale view has to be replaced, so it has no position. */
  get position(): Position | undefined {
    return this.#epoch === undefined || this.#stale ? undefined : { epoch: this.#epoch, seq: this.#seq };
  }

  /** False until the first VENUE_STATE. */
  get isKnown(): boolean {
    return this.#epoch !== undefined;
  }

  get rows(): number {
    return this.#rows;
  }

  get cols(): number {
    return this.#cols;
  }

  get holdSeconds(): number {
    return this.#holdSeconds;
  }

  /** So many seats may one user hold at once. */
  get maxHolds(): number {
    return this.#maxHolds;
  }

  /** The server could not ask Redis: this is what was last known. */
  get isStale(): boolean {
    return this.#stale;
  }

  get counts(): Readonly<{ available: number; held: number; booked: number }> {
    return this.#counts;
  }

  seat(id: string): Seat | undefined {
    return this.#seats.get(id);
  }

  /** In row-major order. */
  get seats(): Iterable<Seat> {
    return this.#seats.values();
  }

  holdsOf(userId: string): Seat[] {
    return this.#seatsOf(userId, SeatStatus.held);
  }

  bookedBy(userId: string): Seat[] {
    return this.#seatsOf(userId, SeatStatus.booked);
  }

  /** Takes over a VENUE_STATE, but for seats on which something newer is already known (from an ACK, or another edge). */
  replace(state: VenueState): void {
    const sameEpoch = state.epoch === this.#epoch;
    const known = new Map(this.#seats);
    this.#seq = sameEpoch ? Math.max(this.#seq, state.seq) : state.seq;
    this.#epoch = state.epoch;
    this.#rows = state.rows;
    this.#cols = state.cols;
    this.#holdSeconds = state.hold_seconds;
    this.#maxHolds = state.max_holds;
    this.#stale = state.stale === true;
    if (!sameEpoch) this.#catchUpSeq = undefined;
    this.#seats.clear();
    this.#counts = { available: 0, held: 0, booked: 0 };
    for (const seat of state.seats) {
      const before = known.get(seat.id);
      const isOlder = sameEpoch && before !== undefined && before.seq >= seat.seq;
      this.#seats.set(seat.id, isOlder ? before : seat);
      this.#counts[statusName(isOlder ? before : seat)]++;
    }
    // Listeners may look at any seat, so they hear only when all are in place.
    for (const seat of this.#seats.values()) {
      const before = known.get(seat.id);
      if (seat !== before) this.#onSeat(seat, before);
    }
  }

  /** Takes over the settings of an ACK: they may change while the page is open. */
  learnSettings({ hold_seconds, max_holds }: Partial<Pick<VenueState, 'hold_seconds' | 'max_holds'>>): void {
    this.#holdSeconds = hold_seconds ?? this.#holdSeconds;
    this.#maxHolds = max_holds ?? this.#maxHolds;
  }

  /** Takes over a SEAT_UPDATE, which also moves the position. Returns false for an old one. */
  update({ seat_id, ...change }: SeatUpdate): boolean {
    if (this.#catchUpSeq === undefined) {
      this.#seq = Math.max(this.#seq, change.seq);
      // A live transition was decided by Redis, so Redis can be asked again.
      this.#stale = false;
    } else {
      this.#catchUpSeq = Math.max(this.#catchUpSeq, change.seq);
    }
    const before = this.#seats.get(seat_id);
    return before !== undefined && this.learn({ id: seat_id, row: before.row, col: before.col, ...change });
  }

  /** Takes over the seat of an ACK or ERROR. It says nothing of the other seats, so the position stays. */
  learn(seat: Seat): boolean {
    const before = this.#seats.get(seat.id);
    if (before === undefined || seat.seq <= before.seq) return false;
    this.#seats.set(seat.id, seat);
    this.#counts[statusName(before)]--;
    this.#counts[statusName(seat)]++;
    this.#onSeat(seat, before);
    return true;
  }

  /** What was missed comes now, in any order: the position moves only once all of it is here. */
  beginCatchUp(): void {
    this.#catchUpSeq = this.#seq;
  }

  endCatchUp(): void {
    this.#seq = Math.max(this.#seq, this.#catchUpSeq ?? 0);
    this.#catchUpSeq = undefined;
  }

  #seatsOf(userId: string, status: SeatStatus): Seat[] {
    return [...this.#seats.values()].filter((seat) => seat.status === status && seat.held_by === userId);
  }
}

function statusName({ status }: Seat): 'available' | 'held' | 'booked' {
  switch (status) {
    case SeatStatus.available:
      return 'available';
    case SeatStatus.held:
      return 'held';
    case SeatStatus.booked:
      return 'booked';
  }
}
