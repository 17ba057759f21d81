import assert from 'node:assert/strict';
import type { Position } from '../protocol/venue.ts';

/** The newest SEAT_UPDATE frames, without gaps: a client that reconnects soon gets only the updates that it missed. */
export class UpdateLog {
  readonly #capacity: number;
  readonly #frames: Buffer[];
  #epoch = '';
  /** Position before the oldest stored update. */
  #from = 0;
  #to = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#frames = new Array<Buffer>(capacity);
  }

  /** Clears the log and continues from this position. */
  restart({ epoch, seq }: Position): void {
    this.#epoch = epoch;
    this.#from = seq;
    this.#to = seq;
  }

  append({ epoch, seq }: Position, frame: Buffer): void {
    if (epoch !== this.#epoch || seq !== this.#to + 1) this.restart({ epoch, seq: seq - 1 });
    this.#frames[seq % this.#capacity] = frame;
    this.#to = seq;
    this.#from = Math.max(this.#from, seq - this.#capacity);
  }

  /**
   * The frames after a position, oldest first; undefined if some are no longer stored. Empty for a client that is ahead
   * because another edge served it: updates that it already has are sent to it again.
   */
  since({ epoch, seq }: Position): Buffer[] | undefined {
    if (epoch !== this.#epoch || seq < this.#from) return undefined;
    const missed: Buffer[] = [];
    for (let next = seq + 1; next <= this.#to; next++) {
      const frame = this.#frames[next % this.#capacity];
      assert(frame, 'the log has no gaps');
      missed.push(frame);
    }
    return missed;
  }
}
