/**
 * One call at a time, each shared by all who asked before it began: so every answer comes from a call that began after
 * its question was asked, and calls are never queued up.
 */
export class SharedCall<Answer> {
  readonly #call: () => Promise<Answer>;
  readonly #begin: (work: () => void) => void;
  /** The call that has not begun. */
  #next: { answer: Promise<Answer>; start: () => void } | undefined;
  #isUnderWay = false;

  /** `begin` may put a call off, for more to take part in it. */
  constructor(call: () => Promise<Answer>, begin: (work: () => void) => void = (work) => work()) {
    this.#call = call;
    this.#begin = begin;
  }

  /** Settles as the call does that is the next to begin. */
  ask(): Promise<Answer> {
    if (this.#next) return this.#next.answer;
    let start = () => {};
    const answer = new Promise<Answer>((resolve) => {
      start = () => resolve(this.#callNow());
    });
    this.#next = { answer, start };
    this.#beginNext();
    return answer;
  }

  #beginNext(): void {
    if (this.#next && !this.#isUnderWay) this.#begin(this.#next.start);
  }

  async #callNow(): Promise<Answer> {
    this.#next = undefined;
    this.#isUnderWay = true;
    try {
      return await this.#call();
    } finally {
      this.#isUnderWay = false;
      this.#beginNext();
    }
  }
}
