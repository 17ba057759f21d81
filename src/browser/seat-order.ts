import { seatId } from '../protocol/seat-id.ts';

/** Names the seats of SEATS, which has only their indexes. */
export interface SeatOrder {
  readonly size: number;
  id(index: number): string;
  rowOf(index: number): number;
  colOf(index: number): number;
}

/** The seats of the default show, row by row. */
export class GridOrder implements SeatOrder {
  readonly size: number;
  readonly #cols: number;

  constructor({ rows, cols }: { rows: number; cols: number }) {
    this.size = rows * cols;
    this.#cols = cols;
  }

  id(index: number): string {
    return seatId(this.rowOf(index), this.colOf(index));
  }

  rowOf(index: number): number {
    return Math.floor(index / this.#cols);
  }

  colOf(index: number): number {
    return index % this.#cols;
  }
}
