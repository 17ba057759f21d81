import type { SeatUpdate } from '../protocol/messages.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { HoldSettings, Position, VenueState } from '../protocol/venue.ts';

export type SeatListener = (after: Seat, before: Seat | undefined) => void;

/** The venue as the page knows it. Within an epoch no seat goes back to an older state. */
export class Venue {
  readonly #seats = new Map<string, Seat>();
  /** Ids of the seats that each user holds or has booked: a large show must not be searched in each frame. */
  readonly #idsOf = new Map<string, Set<string>>();
  readonly #onSeat: SeatListener;
  #epoch: string | undefined;
  #seq = 0;
  #catchUpSeq: number | undefined;
  #rows = 0;
  #cols = 0;
  #holdSeconds = 0;
  #maxHolds = 0;
  #holdExtensions = 0;
  #stale = false;
  #counts = { available: 0, held: 0, booked: 0 };

  /** Calls `onSeat` for every seat that changed. */
  constructor(onSeat: SeatListener = () => {}) {
    this.#onSeat = onSeat;
  }

  /** Position to resume from. A stale view has none, since it must be replaced. */
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

  /** Number of seats that one user may hold at once. */
  get maxHolds(): number {
    return this.#maxHolds;
  }

  /** How often a hold may be extended; 0: never. */
  get holdExtensions(): number {
    return this.#holdExtensions;
  }

  /** True while the server cannot read Redis: the seats show their last known state. */
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

  /** Takes over a VENUE_STATE, except for seats whose known state is newer (from an ACK, or another edge). */
  replace(state: VenueState): void {
    const sameEpoch = state.epoch === this.#epoch;
    const known = new Map(this.#seats);
    this.#seq = sameEpoch ? Math.max(this.#seq, state.seq) : state.seq;
    this.#epoch = state.epoch;
    this.#rows = state.rows;
    this.#cols = state.cols;
    this.#holdSeconds = state.hold_seconds;
    this.#maxHolds = state.max_holds;
    this.#holdExtensions = state.hold_extensions ?? 0;
    this.#stale = state.stale === true;
    if (!sameEpoch) this.#catchUpSeq = undefined;
    this.#seats.clear();
    this.#idsOf.clear();
    this.#counts = { available: 0, held: 0, booked: 0 };
    for (const seat of state.seats) {
      const before = known.get(seat.id);
      const isKept = sameEpoch && before !== undefined && isNoOlder(before, seat);
      this.#put(isKept ? before : seat);
      this.#counts[statusName(isKept ? before : seat)]++;
    }
    // Listeners may read any seat, so all seats are replaced first.
    for (const seat of this.#seats.values()) {
      const before = known.get(seat.id);
      if (seat !== before && !(sameEpoch && before && isSameState(seat, before))) this.#onSeat(seat, before);
    }
  }

  /** Takes over the settings of an ACK: they may change while the page is open. */
  learnSettings({ hold_seconds, max_holds, hold_extensions }: Partial<HoldSettings>): void {
    this.#holdSeconds = hold_seconds ?? this.#holdSeconds;
    this.#maxHolds = max_holds ?? this.#maxHolds;
    this.#holdExtensions = hold_extensions ?? this.#holdExtensions;
  }

  /** Takes over a SEAT_UPDATE, which also moves the position. Returns false for an old one. */
  update({ seat_id, ...change }: SeatUpdate): boolean {
    if (this.#catchUpSeq === undefined) {
      this.#seq = Math.max(this.#seq, change.seq);
      // Redis decided a live transition, so Redis is available again.
      this.#stale = false;
    } else {
      this.#catchUpSeq = Math.max(this.#catchUpSeq, change.seq);
    }
    const before = this.#seats.get(seat_id);
    return before !== undefined && this.learn({ id: seat_id, row: before.row, col: before.col, ...change });
  }

  /** Takes over a seat of an ACK or ERROR. The other seats stay unknown, so the position does not move. */
  learn(seat: Seat): boolean {
    const before = this.#seats.get(seat.id);
    if (before === undefined || seat.seq <= before.seq) return false;
    this.#put(seat, before);
    this.#counts[statusName(before)]--;
    this.#counts[statusName(seat)]++;
    // A state of many seats has one seq for all of them: a new seq alone is no change.
    if (isSameState(seat, before)) return false;
    this.#onSeat(seat, before);
    return true;
  }

  /** Takes over the state of some seats as of a position, to which the venue moves: no other seat has changed up to there. */
  moveTo({ epoch, seq }: Position, seats: readonly Seat[]): void {
    if (epoch !== this.#epoch) return;
    this.learnOf(epoch, seats);
    if (this.#catchUpSeq === undefined) this.#seq = Math.max(this.#seq, seq);
    else this.#catchUpSeq = Math.max(this.#catchUpSeq, seq);
  }

  /** Takes over seats of an epoch. */
  learnOf(epoch: string, seats: readonly Seat[]): void {
    if (epoch !== this.#epoch) return;
    for (const seat of seats) this.learn(seat);
  }

  setStale(stale: boolean): void {
    this.#stale = stale;
  }

  /** Missed updates follow, in any order: the position moves once all of them have arrived. */
  beginCatchUp(): void {
    this.#catchUpSeq = this.#seq;
  }

  endCatchUp(): void {
    this.#seq = Math.max(this.#seq, this.#catchUpSeq ?? 0);
    this.#catchUpSeq = undefined;
  }

  #put(seat: Seat, before?: Seat): void {
    this.#seats.set(seat.id, seat);
    const formerIds = this.#idsOf.get(before?.held_by ?? '');
    formerIds?.delete(seat.id);
    if (before?.held_by !== undefined && formerIds?.size === 0) this.#idsOf.delete(before.held_by);
    if (seat.held_by === undefined) return;
    const ids = this.#idsOf.get(seat.held_by);
    if (ids) ids.add(seat.id);
    else this.#idsOf.set(seat.held_by, new Set([seat.id]));
  }

  #seatsOf(userId: string, status: SeatStatus): Seat[] {
    return [...(this.#idsOf.get(userId) ?? [])]
      .flatMap((id) => this.#seats.get(id) ?? [])
      .filter((seat) => seat.status === status)
      .sort((a, b) => a.row - b.row || a.col - b.col);
  }
}

/** Of two states as of one position, the one that names the holder is more complete. */
function isNoOlder(known: Seat, other: Seat): boolean {
  return (
    known.seq > other.seq ||
    (known.seq === other.seq && (known.held_by === other.held_by || other.held_by === undefined))
  );
}

function isSameState(a: Seat, b: Seat): boolean {
  return a.status === b.status && a.held_by === b.held_by && a.expires_at === b.expires_at;
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
