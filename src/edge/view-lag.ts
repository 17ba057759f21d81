/** Positions learned within this time count as one. */
const resolutionMs = 100;
const maxMarks = 64;

interface Mark {
  seq: number;
  knownAtMs: number;
}

/** Measures how long a view has lacked an event that it knows to exist. */
export class ViewLag {
  /** Ascending in both fields, all ahead of the view. */
  #marks: Mark[] = [];

  /** Records that the venue has reached `seq`. */
  known(seq: number, nowMs: number): void {
    const newest = this.#marks.at(-1);
    if (newest && seq <= newest.seq) return;
    if (newest && (nowMs - newest.knownAtMs < resolutionMs || this.#marks.length >= maxMarks)) newest.seq = seq;
    else this.#marks.push({ seq, knownAtMs: nowMs });
  }

  /** Records that the view shows `seq`. */
  reached(seq: number): void {
    while (this.#marks[0] && this.#marks[0].seq <= seq) this.#marks.shift();
  }

  /** Clears the marks of an ended epoch. */
  clear(): void {
    this.#marks = [];
  }

  /** 0 if the view is complete. */
  lagMs(nowMs: number): number {
    const oldest = this.#marks[0];
    return oldest ? nowMs - oldest.knownAtMs : 0;
  }
}
