import type { PlannedSeat, Seat, SeatState } from '../protocol/seat.ts';
import { seatId } from '../protocol/seat-id.ts';

/** The fixed part of a venue: its seats, in row-major order. Immutable. */
export class SeatingPlan {
  readonly #seats: ReadonlyMap<string, PlannedSeat>;

  constructor(seats: Iterable<PlannedSeat>) {
    const inOrder = [...seats].sort((a, b) => a.row - b.row || a.col - b.col);
    this.#seats = new Map(inOrder.map(({ id, row, col }) => [id, { id, row, col }]));
  }

  static rectangular({ rows, cols }: { rows: number; cols: number }): SeatingPlan {
    const seats: PlannedSeat[] = [];
    for (let row = 0; row < rows; row++) {
      for (let col = 0; col < cols; col++) seats.push({ id: seatId(row, col), row, col });
    }
    return new SeatingPlan(seats);
  }

  get size(): number {
    return this.#seats.size;
  }

  get ids(): Iterable<string> {
    return this.#seats.keys();
  }

  get seats(): Iterable<PlannedSeat> {
    return this.#seats.values();
  }

  has(id: string): boolean {
    return this.#seats.has(id);
  }

  seat(id: string): PlannedSeat | undefined {
    return this.#seats.get(id);
  }
}

/** Combines the planned part of a seat and its state, as on the wire. */
export function seatWith({ id, row, col }: PlannedSeat, { status, seq, held_by, expires_at }: SeatState): Seat {
  // Spreading both parts costs ten times as much, on every event.
  const seat: Seat = { id, row, col, status, seq };
  if (held_by !== undefined) seat.held_by = held_by;
  if (expires_at !== undefined) seat.expires_at = expires_at;
  return seat;
}
