import type { Position } from '../protocol/venue.ts';

/** The newest SEAT_UPDATE frames, without gaps, so that a client that was away a moment gets only what it missed. */
export class UpdateLog {
  readonly #capacity: number;
  readonly #frames: Buffer[];
  #epoch = '';
  /** The update after this one is the oldest that is here. */
  #from = 0;
  #to = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#frames = new Array<Buffer>(capacity);
  }

  /** Forgets all: the history goes on from here. */
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
   * The frames after a position, oldest first; undefined where some are not here any more. Nothing is missing for
   * a client that another edge has brought further: what it knows already will be repeated to it.
   */
  since({ epoch, seq }: Position): Buffer[] | undefined {
    if (epoch !== this.#epoch || seq < this.#from) return undefined;
    const missed: Buffer[] = [];
    for (let next = seq + 1; next <= this.#to; next++) {
      missed.push(this.#frames[next % this.#capacity] as Buffer);
    }
    return missed;
  }
}
